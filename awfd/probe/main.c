/* awf-difc-probe: asks whether a DIFC proxy answers, with a certificate for localhost that the
 * given CA signed. awfd runs it as an unprivileged user, so that awfd itself never connects to an
 * address that a user chose.
 *
 *     awf-difc-probe --timeout-ms N [--wait-ms N] [--live] --port PORT HOST... <CA-PEM
 *
 * The hosts are tried in order, all within the time of an attempt; an attempt that failed for what
 * may pass is repeated until the time to wait is over. With --live the proxy has to be ready for
 * use. JSON lines on stdout: {"address":"127.0.0.1","port":18443,"expires":1795716000} for the
 * first that answers, with the time at which its certificate expires, else
 * {"diagnosis":"refused","message":"..."} of the most telling failure; before it, when there is
 * something to wait for, the same with "waiting":true. */
#include <getopt.h>
#include <poll.h>
#include <stdint.h>
#include <sys/prctl.h>

#include <curl/curl.h>
#include <json-c/json.h>

#include "awfd/probe/ask.h"
#include "common/clock.h"
#include "common/parse.h"

#define EXIT_USAGE  2
#define CA_MAX      65536 /* DIFC_CA_MAX */
#define TIMEOUT_MAX 600000
#define WAIT_MAX    (4 * 3600 * 1000)
#define PAUSE_FIRST 100 /* milliseconds between the first two attempts; then twice as many, … */
#define PAUSE_MAX   2000

struct probe {
	uint64_t timeout_ms;
	uint64_t wait_ms;
	bool live;
	uint16_t port;
	char ca[CA_MAX + 1];
	size_t ca_length;
};

static bool parse_arguments(int argc, char **argv, struct probe *p)
{
	static const struct option options[] = {
		{ "timeout-ms", required_argument, NULL, 't' },
		{ "wait-ms", required_argument, NULL, 'w' },
		{ "live", no_argument, NULL, 'l' },
		{ "port", required_argument, NULL, 'p' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 't' && parse_uint(optarg, 1, TIMEOUT_MAX, &p->timeout_ms) == 0)
			continue;
		if (option == 'w' && parse_uint(optarg, 0, WAIT_MAX, &p->wait_ms) == 0)
			continue;
		if (option == 'l' && (p->live = true))
			continue;
		if (option == 'p' && parse_port(optarg, &p->port) == 0)
			continue;
		return false;
	}
	return p->timeout_ms > 0 && p->port > 0 && optind < argc;
}

static bool read_ca(struct probe *p)
{
	p->ca_length = fread(p->ca, 1, sizeof(p->ca), stdin);
	return p->ca_length > 0 && p->ca_length <= CA_MAX;
}

/* Asks one host after the other until one answers; *best is the good or most telling answer.
 * Whoever comes later has what is left of the time, shared evenly. */
static void ask_all(const struct probe *p, char **hosts, size_t count, struct answer *best)
{
	uint64_t end = clock_ms() + p->timeout_ms;

	answer_clear(best);
	for (size_t i = 0; i < count && !best->good; i++) {
		uint64_t now = clock_ms(), left = now < end ? (end - now) / (count - i) : 0;
		const struct question q = { .host = hosts[i],
					    .port = p->port,
					    .ca = p->ca,
					    .ca_length = p->ca_length,
					    .live = p->live,
					    .timeout_ms = MAX(left, (uint64_t)1) };
		struct answer a;

		ask(&q, &a);
		if (a.good || !best->message || a.diagnosis > best->diagnosis) {
			answer_clear(best);
			*best = a;
		} else {
			answer_clear(&a);
		}
	}
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

static void print_answer(const struct probe *p, const struct answer *a, bool waiting)
{
	struct json_object *line = json_object_new_object();

	if (a->good) {
		add_text(line, "address", a->address);
		json_object_object_add(line, "port", json_object_new_int(p->port));
		json_object_object_add(line, "expires", json_object_new_int64(a->expires));
	} else {
		add_text(line, "diagnosis", diagnosis_name(a->diagnosis));
		add_text(line, "message", a->message);
	}
	if (waiting)
		json_object_object_add(line, "waiting", json_object_new_boolean(true));
	puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(line);
}

/* Whether the pause is over, and not because nobody is there any more to read an answer. */
static bool pause_for(uint64_t ms)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, (int)ms) <= 0;
}

/* Asks until there is an answer, a failure that stays, or no time left to wait; the last attempt is
 * made when that time ends. What is waited for is told once for each diagnosis. */
static void ask_until(const struct probe *p, char **hosts, size_t count, struct answer *ret)
{
	uint64_t now = clock_ms(), end = now + p->wait_ms, pause = PAUSE_FIRST;
	int told = -1;

	for (;;) {
		ask_all(p, hosts, count, ret);
		now = clock_ms();
		if (ret->good || !diagnosis_may_pass(ret->diagnosis) || now >= end)
			return;
		if (told != (int)ret->diagnosis)
			print_answer(p, ret, true);
		told = (int)ret->diagnosis;
		if (!pause_for(MIN(pause, end - now)))
			return;
		pause = MIN(pause * 2, (uint64_t)PAUSE_MAX);
	}
}

int main(int argc, char **argv)
{
	_cleanup_(answer_clear) struct answer answer = { 0 };
	static struct probe probe;

	(void)prctl(PR_SET_NAME, "awf-difc-probe"); /* it may have been executed by descriptor */
	if (!parse_arguments(argc, argv, &probe)) {
		fputs("usage: awf-difc-probe --timeout-ms N [--wait-ms N] [--live] "
		      "--port PORT HOST... <CA-PEM\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (!read_ca(&probe)) {
		fprintf(stderr, "awf-difc-probe: no CA on stdin, or more than %d bytes\n", CA_MAX);
		return EXIT_FAILURE;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return EXIT_FAILURE;
	ask_until(&probe, argv + optind, (size_t)(argc - optind), &answer);
	print_answer(&probe, &answer, false);
	curl_global_cleanup();
	return EXIT_SUCCESS;
}
