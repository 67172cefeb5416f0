/* snapshot: prints what sandboxes are made of on the bed's host, one line each, sorted. With
 * --but FILE, whose lines are sorted, too, only what is not in it; then the exit code is 1 when
 * that is anything. Runs very often: what it asks is asked in one process, but for nft(8). */
#include <ftw.h>
#include <getopt.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <curl/curl.h>
#include <json-c/json.h>

#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "tests/bed/process-file.h"

#define FILTER "?all=true&filters=%7B%22label%22%3A%5B%22awf.sandbox%22%5D%7D"

/* --- what there is is collected here ------------------------------------------------------ */

static struct {
	char **items;
	size_t count, room;
} lines;

static void _printf_(1, 2) line(const char *fmt, ...)
{
	va_list ap;

	if (lines.count == lines.room) {
		lines.room = lines.room ? 2 * lines.room : 64;
		lines.items = xrealloc(lines.items, lines.room, sizeof(*lines.items));
	}
	va_start(ap, fmt);
	lines.items[lines.count++] = xvasprintf(fmt, ap);
	va_end(ap);
}

/* Calls what(path) for each path of the pattern. */
static void each(const char *pattern, void (*what)(const char *path))
{
	glob_t found = { 0 };

	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			what(found.gl_pathv[i]);
	globfree(&found);
}

static const char *base(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* The text of a link, or NULL. The caller owns it. */
static char *link_of(const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	return xstrdup(target);
}

/* Also of files that say that they are empty, as /proc's do: all of it, or NULL. */
static char *text_of(const char *path)
{
	_cleanup_file_ FILE *f = fopen(path, "re");
	_cleanup_strbuf_ struct strbuf text = { 0 };
	char chunk[4096];
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		strbuf_append(&text, chunk, n);
	return strbuf_take(&text);
}

/* --- the engine --------------------------------------------------------------------------- */

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
	strbuf_append(arg, data, size * count);
	return size * count;
}

/* The answer to a GET, or NULL when there is none. The caller owns it. */
static struct json_object *ask_engine(CURL *engine, const char *url)
{
	_cleanup_strbuf_ struct strbuf body = { 0 };
	long status = 0;

	curl_easy_setopt(engine, CURLOPT_UNIX_SOCKET_PATH, "/run/docker.sock");
	curl_easy_setopt(engine, CURLOPT_URL, url);
	curl_easy_setopt(engine, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(engine, CURLOPT_WRITEDATA, &body);
	if (curl_easy_perform(engine) != CURLE_OK)
		return NULL;
	curl_easy_getinfo(engine, CURLINFO_RESPONSE_CODE, &status);
	strbuf_append(&body, "", 1);
	return status == 200 ? json_tokener_parse(body.data) : NULL;
}

static const char *member(struct json_object *o, const char *name)
{
	return json_object_get_string(json_object_object_get(o, name));
}

static const char *name_of_container(struct json_object *container)
{
	struct json_object *names = json_object_object_get(container, "Names");

	return json_object_get_string(json_object_array_get_idx(names, 0)) + 1;
}

static void add_containers(struct json_object *all)
{
	for (size_t i = 0; i < json_object_array_length(all); i++)
		line("container %s", name_of_container(json_object_array_get_idx(all, i)));
}

/* awfd's own network stays. */
static void add_networks(struct json_object *all)
{
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		const char *name = member(json_object_array_get_idx(all, i), "Name");

		if (strcmp(name, "awf-egress") != 0)
			line("network %s", name);
	}
}

static void add_volumes(struct json_object *answer)
{
	struct json_object *all = json_object_object_get(answer, "Volumes");

	for (size_t i = 0; i < json_object_array_length(all); i++)
		line("volume %s", member(json_object_array_get_idx(all, i), "Name"));
}

static void add_engine(void)
{
	static const struct {
		const char *url;
		void (*add)(struct json_object *answer);
	} asked[] = {
		{ "http://engine/containers/json" FILTER, add_containers },
		{ "http://engine/networks" FILTER, add_networks },
		{ "http://engine/volumes" FILTER, add_volumes },
	};
	CURL *engine = curl_easy_init();

	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		struct json_object *answer = ask_engine(engine, asked[i].url);

		if (answer)
			asked[i].add(answer);
		else
			line("engine silent");
		json_object_put(answer);
	}
	curl_easy_cleanup(engine);
}

/* --- processes and what they hold --------------------------------------------------------- */

/* The name of a process and its parent; false when it is gone. */
static bool read_process(const char *pid, char name[static 32], int *parent)
{
	_cleanup_free_ char *path = xasprintf("/proc/%s/stat", pid), *stat = text_of(path);
	char *end = stat ? strrchr(stat, ')') : NULL;

	return end && sscanf(stat, "%*d (%31[^)]", name) == 1 &&
	       sscanf(end, ") %*c %d", parent) == 1;
}

/* What enters namespaces for an awfd is a part of it. */
static bool belongs_to_awfd(const char *name, int parent)
{
	_cleanup_free_ char *pid = xasprintf("%d", parent);
	char of_parent[32];
	int grandparent;

	return strcmp(name, "awf-namespaces") == 0 && read_process(pid, of_parent, &grandparent) &&
	       strcmp(of_parent, "awfd") == 0;
}

static void add_descriptor(const char *path)
{
	_cleanup_free_ char *target = link_of(path);
	char pid[16], name[32];
	int parent;

	if (target && strncmp(target, "net:", 4) == 0 && sscanf(path, "/proc/%15[0-9]", pid) == 1 &&
	    read_process(pid, name, &parent))
		line("descriptor of %s on %s", name, target);
}

/* A process in a network namespace keeps it alive with all its links; so does a descriptor on
 * it. */
static void add_process(const char *path)
{
	_cleanup_free_ char *ns = xasprintf("%s/ns/net", path), *netns = link_of(ns);
	_cleanup_free_ char *fds = xasprintf("%s/fd/*", path);
	char name[32];
	int parent;

	if (!read_process(base(path), name, &parent))
		return;
	if (strncmp(name, "awf-", 4) == 0 && !belongs_to_awfd(name, parent))
		line("process %s %s", name, base(path));
	if (netns)
		line("processes in %s", netns);
	each(fds, add_descriptor);
}

/* --- links, namespaces, files, mounts, cgroups -------------------------------------------- */

static void add_link(const char *path)
{
	_cleanup_free_ char *in = xasprintf("%s/master", path), *master = link_of(in);

	if (master)
		line("link %s in %s", base(path), base(master));
	else if (strcmp(base(path), "awf-egress") != 0)
		line("link %s", base(path));
}

static void add_netns(const char *path)
{
	line("netns %s", base(path));
}

static int add_file(const char *path, const struct stat *st _unused_, int type _unused_,
		    struct FTW *at)
{
	if (at->level > 0)
		line("file %s", path);
	return 0;
}

/* The record of a sandbox that has ended is there for who asks for its result. */
static void add_state(const char *path)
{
	_cleanup_free_ char *text = text_of(path);

	if (text && !strstr(text, "\"phase\":\"exited\""))
		line("file %s", path);
}

static void add_mounts(const char *path)
{
	_cleanup_free_ char *text = text_of(path);
	_cleanup_strv_ char **mounts = strv_split(text ?: "", "\n");
	char at[PATH_MAX];

	for (size_t i = 0; i < strv_length(mounts); i++)
		if (sscanf(mounts[i], "%*s %*s %*s %*s %4095s", at) == 1 &&
		    strcmp(at, "/run/docker/netns/default") != 0)
			line("mount %s", at);
}

static void add_mounts_of_awfd(const char *dir)
{
	_cleanup_free_ char *file = xasprintf("%s/awfd.pid", dir), *mountinfo = NULL;
	struct process_id awfd;

	if (process_load(file, &awfd) < 0)
		return;
	mountinfo = xasprintf("/proc/%d/mountinfo", (int)awfd.pid);
	add_mounts(mountinfo);
}

static int add_cgroup(const char *path, const struct stat *st _unused_, int type, struct FTW *at)
{
	if (at->level > 0 && (type == FTW_D || type == FTW_DNR))
		line("cgroup %s", path);
	return 0;
}

static void walk_cgroups(const char *path)
{
	nftw(path, add_cgroup, 16, FTW_PHYS);
}

/* --- the firewall ------------------------------------------------------------------------- */

static void add_elements(struct json_object *set)
{
	struct json_object *elements = json_object_object_get(set, "elem"), *value;

	for (size_t i = 0; elements && i < json_object_array_length(elements); i++) {
		struct json_object *element = json_object_array_get_idx(elements, i), *inner;

		value = element;
		if (json_object_is_type(element, json_type_object) &&
		    json_object_object_get_ex(element, "elem", &inner))
			value = json_object_object_get(inner, "val");
		line("element %s %s", member(set, "name"),
		     json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE));
	}
}

static void add_sets(void)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct json_object *ruleset, *all, *set;
	FILE *nft = popen("nft -j list table inet awf 2>/dev/null", "re");
	char chunk[4096];
	size_t n;

	while (nft && (n = fread(chunk, 1, sizeof(chunk), nft)) > 0)
		strbuf_append(&text, chunk, n);
	if (nft)
		pclose(nft);
	strbuf_append(&text, "", 1);
	ruleset = json_tokener_parse(text.data);
	all = json_object_object_get(ruleset, "nftables");
	for (size_t i = 0; all && i < json_object_array_length(all); i++)
		if (json_object_object_get_ex(json_object_array_get_idx(all, i), "set", &set))
			add_elements(set);
	json_object_put(ruleset);
}

/* --- what is new -------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_known(char **known, const char *text)
{
	return known && bsearch(&text, known, strv_length(known), sizeof(*known), compare);
}

/* Prints each line once that is not known; whether there is one. */
static bool print_lines(char **known)
{
	bool any = false;

	qsort(lines.items, lines.count, sizeof(*lines.items), compare);
	for (size_t i = 0; i < lines.count; i++) {
		if ((i > 0 && strcmp(lines.items[i], lines.items[i - 1]) == 0) ||
		    is_known(known, lines.items[i]))
			continue;
		puts(lines.items[i]);
		any = true;
	}
	return any;
}

static void take_snapshot(const char *dir, const char *name)
{
	_cleanup_free_ char *v1 = xasprintf("/sys/fs/cgroup/*/%s", name);
	_cleanup_free_ char *v2 = xasprintf("/sys/fs/cgroup/%s", name);

	add_engine();
	each("/proc/[0-9]*", add_process);
	each("/sys/class/net/*", add_link);
	each("/run/netns/*", add_netns);
	nftw("/run/awfd/sandboxes", add_file, 16, FTW_PHYS);
	each("/var/lib/awfd/sandboxes/*", add_state);
	add_sets();
	add_mounts("/proc/1/mountinfo");
	add_mounts_of_awfd(dir);
	each(v1, walk_cgroups);
	each(v2, walk_cgroups);
}

static int usage(void)
{
	fputs("usage: snapshot --dir DIR --bed NAME [--but FILE]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "bed", required_argument, NULL, 'b' },
		{ "but", required_argument, NULL, 'f' },
		{ 0 },
	};
	const char *dir = NULL, *name = NULL, *but = NULL;
	_cleanup_strv_ char **known = NULL;
	_cleanup_free_ char *text = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			dir = optarg;
			break;
		case 'b':
			name = optarg;
			break;
		case 'f':
			but = optarg;
			break;
		default:
			return usage();
		}
	}
	if (!dir || !name || optind != argc)
		return usage();
	if (but && !(text = text_of(but))) {
		fprintf(stderr, "snapshot: %s: %m\n", but);
		return 2;
	}
	known = strv_split(text ?: "", "\n");
	take_snapshot(dir, name);
	return print_lines(known) && but ? 1 : 0;
}
