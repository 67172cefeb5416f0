/* awf-pause: holds a container's namespaces. It collects orphans, and ends when it is told to.
 * Static, because it is alone in its image. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

int main(void)
{
	sigset_t awaited;

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGTERM);
	sigaddset(&awaited, SIGINT);
	sigaddset(&awaited, SIGCHLD);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	for (;;) {
		int signal;

		if (sigwait(&awaited, &signal) != 0)
			return EXIT_FAILURE;
		if (signal != SIGCHLD)
			return EXIT_SUCCESS;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
