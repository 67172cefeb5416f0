/* awf-difc-probe: asks whether a DIFC proxy answers, with a certificate for localhost that the
 * given CA signed. awfd runs it as an unprivileged user, so that awfd itself never connects to an
 * address that a user chose.
 *
 *     awf-difc-probe --timeout-ms N --port PORT HOST... <CA-PEM
 *
 * The hosts are tried in order, all within the time. One JSON line on stdout:
 * {"address":"127.0.0.1","port":18443} for the first that answers, else
 * {"diagnosis":"refused","message":"..."} of the most telling failure. */
#include <getopt.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>

#include <curl/curl.h>
#include <json-c/json.h>

#include "awfd/probe/ask.h"
#include "common/parse.h"

#define EXIT_USAGE  2
#define CA_MAX      65536 /* DIFC_CA_MAX */
#define TIMEOUT_MAX 600000

struct probe {
	uint64_t timeout_ms;
	uint16_t port;
	char ca[CA_MAX + 1];
	size_t ca_length;
};

static bool parse_arguments(int argc, char **argv, struct probe *p)
{
	static const struct option options[] = {
		{ "timeout-ms", required_argument, NULL, 't' },
		{ "port", required_argument, NULL, 'p' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 't' && parse_uint(optarg, 1, TIMEOUT_MAX, &p->timeout_ms) == 0)
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

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Asks one host after the other until one answers; *best is the good or most telling answer.
 * Whoever comes later has what is left of the time, shared evenly. */
static void ask_all(const struct probe *p, char **hosts, size_t count, struct answer *best)
{
	uint64_t end = now_ms() + p->timeout_ms;

	for (size_t i = 0; i < count && !best->good; i++) {
		uint64_t now = now_ms(), left = now < end ? (end - now) / (count - i) : 0;
		const struct question q = { hosts[i], p->port, p->ca, p->ca_length,
					    (long)MAX(left, (uint64_t)1) };
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

static void print_answer(const struct probe *p, const struct answer *a)
{
	struct json_object *line = json_object_new_object();

	if (a->good) {
		add_text(line, "address", a->address);
		json_object_object_add(line, "port", json_object_new_int(p->port));
	} else {
		add_text(line, "diagnosis", diagnosis_name(a->diagnosis));
		add_text(line, "message", a->message);
	}
	puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
	json_object_put(line);
}

int main(int argc, char **argv)
{
	_cleanup_(answer_clear) struct answer answer = { 0 };
	static struct probe probe;

	(void)prctl(PR_SET_NAME, "awf-difc-probe"); /* it may have been executed by descriptor */
	if (!parse_arguments(argc, argv, &probe)) {
		fputs("usage: awf-difc-probe --timeout-ms N --port PORT HOST... <CA-PEM\n", stderr);
		return EXIT_USAGE;
	}
	if (!read_ca(&probe)) {
		fprintf(stderr, "awf-difc-probe: no CA on stdin, or more than %d bytes\n", CA_MAX);
		return EXIT_FAILURE;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return EXIT_FAILURE;
	ask_all(&probe, argv + optind, (size_t)(argc - optind), &answer);
	print_answer(&probe, &answer);
	curl_global_cleanup();
	return EXIT_SUCCESS;
}
