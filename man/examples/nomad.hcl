# A batch job on Nomad clients that have awfd: see awf-examples(7).
job "agent" {
  type = "batch"

  # Clients say so in their own configuration: client { meta { awf = "yes" } }
  constraint {
    attribute = "${meta.awf}"
    value     = "yes"
  }

  group "agent" {
    # A sandbox that fails has told why: starting it again would not help.
    restart {
      attempts = 0
      mode     = "fail"
    }

    task "fetch" {
      # awfctl needs the socket of the host, which driver "exec" hides. The command is confined by its sandbox.
      driver = "raw_exec"

      # A user of the clients in group awf.
      user = "ci"

      # awfctl passes it on to the command, which has 2 seconds to end.
      kill_signal  = "SIGTERM"
      kill_timeout = "10s"

      config {
        command = "/usr/bin/awfctl"
        args = [
          "run", "--agent-image", "awf/agent", "--allow-domains", "=github.com", "--memory-limit", "1g", "--",
          "git", "ls-remote", "https://github.com/git/git",
        ]
      }

      # What Nomad bounds is awfctl, which needs little. --memory-limit and --cpus bound the sandbox.
      resources {
        cpu    = 100
        memory = 64
      }
    }
  }
}
