/* How the agent's command ended: the engine is waited for, asked again when it drops the call, and
 * what it says is explained. */
#include "awfd/sandbox-internal.h"

#include <signal.h>
#include <string.h>
#include <sys/param.h>

#include "awfd/docker-container.h"
#include "awfd/docker.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/timestamp.h"

/* How often, and after which time each, the engine is asked again for a command's end; while it is
 * away there is no end to it, and the time grows. */
#define WAIT_RETRIES      20
#define WAIT_RETRY_MS     250
#define WAIT_RETRY_MAX_MS 4000

/* What the engine says of a command that it lost sight of. */
#define EXIT_CODE_UNKNOWN 255

static const char *agent_name(const struct sandbox *s)
{
	return s->containers[DOCKER_ROLE_AGENT].name;
}

/* --- a shell string for an image that has no shell ---------------------------------------------
 */

#define SHELL             "/bin/sh"
#define EXIT_CODE_NO_FILE 127
#define NO_SHELL                                                                                   \
	"its image has no " SHELL ", so that one argument, which is a string for the "             \
	"shell, cannot be run: give the command and its arguments as several, or another image"

/* The stage of the mounts is gone, and the engine does not look into a container without it. */
static bool may_lack_shell(const struct sandbox *s)
{
	char *const *command = s->request.command;

	return s->exit_code == EXIT_CODE_NO_FILE && !s->reason && s->mounts.count == 0 &&
	       strcmp(command[0], SHELL) == 0 && command[1] && strcmp(command[1], "-c") == 0;
}

static void on_shell_looked_for(int status, struct json_object *body _unused_, const struct err *e,
				void *userdata)
{
	struct sandbox *s = userdata;

	s->wait = NULL;
	if (!e && status == 404 && !s->reason)
		s->reason = xstrdup(NO_SHELL);
	sandbox_command_ended(s, s->exit_code);
}

/* What an engine that was away may have done to a command. One that goes, or comes without having
 * been told to keep what ran, kills its containers; of what ended before it was back, it may not
 * know how; and what a command says meanwhile reaches nobody. */
static const char *harm_of_engine(const struct sandbox *s)
{
	if (s->exit_code == 128 + SIGKILL || s->exit_code == 128 + SIGTERM)
		return "killed with the Docker Engine, which";
	if (s->exit_code == EXIT_CODE_UNKNOWN)
		return "its exit code is lost: the Docker Engine";
	return s->request.attach ? "some of its output may be lost: the Docker Engine" : NULL;
}

static void explain_end(struct sandbox *s)
{
	_cleanup_free_ char *since = NULL;
	const char *harm = harm_of_engine(s);

	if (s->engine_away_s == 0 || s->reason || !harm)
		return;
	since = timestamp_of_seconds(s->engine_away_s);
	s->reason = xasprintf("%s was unavailable since %s", harm, since);
}

static void note_outage(struct sandbox *s)
{
	const int64_t away = docker_away_since(s->manager->docker);

	if (s->engine_away_s == 0)
		s->engine_away_s = away != 0 ? away : (int64_t)(clock_wall_ms() / 1000);
}

static void on_agent_inspected(int status _unused_, struct json_object *body, const struct err *e,
			       void *userdata)
{
	struct sandbox *s = userdata;
	struct docker_container_state state = { 0 };

	s->wait = NULL;
	if (!e && docker_container_parse(body, &state, NULL) < 0)
		state.oom_killed = false;
	s->oom_killed = state.oom_killed || sandbox_memory_ran_out(s);
	/* It went right after it had told the exit code, and perhaps before the last output. */
	if (e && e->status == 0) {
		note_outage(s);
		explain_end(s);
	}
	if (may_lack_shell(s))
		s->wait = docker_container_look(s->manager->docker, agent_name(s), SHELL,
						on_shell_looked_for, s);
	else
		sandbox_command_ended(s, s->exit_code);
}

static void on_agent_ended(int status, struct json_object *body, const struct err *e,
			   void *userdata);

void sandbox_wait_for_agent(struct sandbox *s)
{
	s->wait = docker_container_wait(s->manager->docker, agent_name(s), on_agent_ended, s);
}

void sandbox_on_wait_retry(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	sandbox_wait_for_agent(userdata);
}

static void wait_again(struct sandbox *s, bool away)
{
	struct timeval tv;

	s->wait_retry_ms = away ? MIN(MAX(s->wait_retry_ms * 2, WAIT_RETRY_MS), WAIT_RETRY_MAX_MS)
				: WAIT_RETRY_MS;
	tv = (struct timeval){ s->wait_retry_ms / 1000, (int)(s->wait_retry_ms % 1000) * 1000 };
	event_add(s->wait_retry, &tv);
}

/* The engine dropped the call, not the command: asks again, for a while, or until the engine is
 * back. */
static void wait_failed(struct sandbox *s, const struct err *e)
{
	_cleanup_free_ char *text = err_text(e);
	const int64_t away = docker_away_since(s->manager->docker);

	if (e->status == 404 || (away == 0 && s->wait_failures++ >= WAIT_RETRIES)) {
		sandbox_fail(s, text);
		return;
	}
	if (away == 0 || s->engine_away_s == 0)
		sandbox_log(LOG_LEVEL_WARNING, s, "%s; asking again", text);
	if (away != 0 || sandbox_stream_is_cut(s))
		note_outage(s);
	wait_again(s, away != 0);
}

static void on_agent_ended(int status _unused_, struct json_object *body, const struct err *e,
			   void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err local = { 0 };

	s->wait = NULL;
	if (!e && docker_container_parse_wait(body, &s->exit_code, &local) < 0)
		e = &local;
	if (e) {
		wait_failed(s, e);
		return;
	}
	explain_end(s);
	/* A process of it may have run out of memory although it says that all is well. */
	s->wait =
		docker_container_inspect(s->manager->docker, agent_name(s), on_agent_inspected, s);
}
