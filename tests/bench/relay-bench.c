/* awf-relay against a direct connection and other relays, over loopback, interleaved in one run:
 * relay-bench RELAY [JSON-FILE]. Peers that are not installed are left out. */
#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "tests/bench/floor.h"
#include "tests/bench/load.h"

#define ROUNDS             (2 * PEERS)
#define THROUGHPUT_SECONDS 0.4
#define LATENCY_SECONDS    0.25
#define CONNECT_SECONDS    0.25
#define STREAMS            8
#define CLIENTS            16
#define START_ATTEMPTS     500 /* of 10 ms */
#define GIB                (1024.0 * 1024.0 * 1024.0)

/* What is measured; each fills one or two numbers per round. */
enum metric {
	ONE_STREAM,   /* GiB/s */
	MANY_STREAMS, /* GiB/s */
	CPU_ONE,      /* s/GiB */
	CPU_MANY,     /* s/GiB */
	P50,          /* µs */
	P99,          /* µs */
	CONNECTS_ONE, /* 1/s */
	CONNECTS_MANY,
	CONNECT_CPU, /* µs */
	IDLE_2000,   /* MiB */
	IDLE_4000,
	METRICS,
};

static const struct {
	const char *title, *name, *text, *unit;
	int decimals;
} metrics[METRICS] = {
	[ONE_STREAM] = { "1 stream GiB/s", "stream1", "1 stream", "GiB/s", 2 },
	[MANY_STREAMS] = { "8 streams", "stream8", "8 streams", "GiB/s", 2 },
	[CPU_ONE] = { "CPU s/GiB 1", "cpu1", "CPU, 1 stream", "s/GiB", 2 },
	[CPU_MANY] = { "8", "cpu8", "CPU, 8 streams", "s/GiB", 2 },
	[P50] = { "RTT us p50", "rtt_p50", "round trip of a byte, p50", "us", 1 },
	[P99] = { "p99", "rtt_p99", "round trip of a byte, p99", "us", 1 },
	[CONNECTS_ONE] = { "conn/s 1", "connect1", "connections, 1 client", "1/s", 0 },
	[CONNECTS_MANY] = { "16", "connect16", "connections, 16 clients", "1/s", 0 },
	[CONNECT_CPU] = { "CPU us each", "connect_cpu", "CPU of a connection, 16 clients", "us",
			  1 },
	[IDLE_2000] = { "MiB, 2000 idle", "idle2000", "memory with 2000 idle", "MiB", 1 },
	[IDLE_4000] = { "4000 idle", "idle4000", "memory with 4000 idle", "MiB", 1 },
};

static const struct {
	enum metric metric;
	size_t connections;
} idle[] = { { IDLE_2000, 2000 }, { IDLE_4000, 4000 } };

enum { DIRECT, RELAY, HAPROXY, SOCAT, NODE, FLOOR, PEERS };

struct peer {
	const char *name;
	const char *word; /* in the names of its rows */
	void (*run)(const struct peer *p, int listener, uint16_t upstream); /* never returns */
	bool inherits;    /* the listening socket */
	bool one_process; /* its memory is that of one process */
	const char *program;
	uint16_t port;
	pid_t pid;
	double samples[METRICS][ROUNDS];
};

/* --- Peers ----------------------------------------------------------------------------------- */

static void run_relay(const struct peer *p, int listener, uint16_t upstream)
{
	_cleanup_free_ char *address = xasprintf("127.0.0.1:%u", upstream);
	_cleanup_free_ char *pid = xasprintf("%d", getpid());

	if (dup2(listener, 3) < 0 || fd_set_cloexec(3, false) < 0)
		_exit(1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_PID", pid, 1);
	execl(p->program, "awf-relay", "--max-connections", "4096", "--upstream", address, NULL);
}

static void run_haproxy(const struct peer *p, int listener, uint16_t upstream)
{
	int fd = memfd_create("haproxy.cfg", 0);
	_cleanup_free_ char *config = xasprintf("/proc/self/fd/%d", fd);

	(void)listener;
	dprintf(fd,
		"global\n maxconn 4096\n"
		"defaults\n mode tcp\n timeout connect 5s\n timeout client 1h\n timeout server 1h\n"
		" option splice-request\n option splice-response\n"
		"listen l\n bind 127.0.0.1:%u\n server s 127.0.0.1:%u\n",
		p->port, upstream);
	execl(p->program, "haproxy", "-db", "-f", config, NULL);
}

static void run_socat(const struct peer *p, int listener, uint16_t upstream)
{
	_cleanup_free_ char *from = NULL, *to = NULL;

	(void)listener;
	from = xasprintf("TCP-LISTEN:%u,bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=4096",
			 p->port);
	to = xasprintf("TCP:127.0.0.1:%u,nodelay", upstream);
	execl(p->program, "socat", "-b", "65536", from, to, NULL);
}

static void run_node(const struct peer *p, int listener, uint16_t upstream)
{
	_cleanup_free_ char *script = NULL;

	(void)listener;
	script =
		xasprintf("require('net').createServer({noDelay:true},c=>{"
			  "const u=require('net').connect({port:%u,host:'127.0.0.1',noDelay:true});"
			  "c.on('error',()=>u.destroy());u.on('error',()=>c.destroy());"
			  "c.pipe(u);u.pipe(c)}).listen({port:%u,host:'127.0.0.1',backlog:4096})",
			  upstream, p->port);
	execl(p->program, "node", "-e", script, NULL);
}

static void run_floor(const struct peer *p, int listener, uint16_t upstream)
{
	(void)p;
	floor_run(listener, upstream);
}

static struct peer peers[PEERS] = {
	[DIRECT] = { .name = "direct", .word = "direct" },
	[RELAY] = { .name = "awf-relay",
		    .word = "relay",
		    .run = run_relay,
		    .inherits = true,
		    .one_process = true },
	[HAPROXY] = { .name = "haproxy splice",
		      .word = "haproxy",
		      .run = run_haproxy,
		      .one_process = true,
		      .program = "/usr/sbin/haproxy" },
	[SOCAT] = { .name = "socat 64k",
		    .word = "socat",
		    .run = run_socat,
		    .program = "/usr/bin/socat" },
	[NODE] = { .name = "node",
		   .word = "node",
		   .run = run_node,
		   .one_process = true,
		   .program = "/usr/bin/node" },
	[FLOOR] = { .name = "floor",
		    .word = "floor",
		    .run = run_floor,
		    .inherits = true,
		    .one_process = true },
};

/* Connections just ended cost whoever makes the next ones, so who is measured behind whom matters.
 * In PEERS rounds of this order, each begun one peer later, each is once behind each other one (E.
 * J. Williams, 1949). */
static const int order[PEERS] = { 0, 1, 5, 2, 4, 3 };
static_assert(PEERS == 6, "another number of peers has another order");

static bool peer_is_here(const struct peer *p)
{
	return !p->program || access(p->program, X_OK) == 0;
}

static bool port_answers(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static void peer_exec(const struct peer *p, int listener, uint16_t upstream)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(1);
	p->run(p, listener, upstream);
	_exit(127);
}

static void peer_start(struct peer *p, uint16_t upstream)
{
	_cleanup_close_ int listener = -EBADF;

	p->port = upstream;
	if (!p->run)
		return;
	listener = load_listen(&p->port);
	if (!p->inherits)
		listener = fd_close(listener); /* it binds the port itself */
	p->pid = fork();
	if (p->pid == 0)
		peer_exec(p, listener, upstream);
	listener = fd_close(listener);
	for (int i = 0; i < START_ATTEMPTS && !port_answers(p->port); i++)
		poll(NULL, 0, 10);
}

static void peer_stop(struct peer *p)
{
	if (p->pid <= 0)
		return;
	kill(p->pid, SIGTERM);
	poll(NULL, 0, 20);
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}

/* User and system time of a process and of those it has waited for, in seconds. */
static double peer_cpu(const struct peer *p)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", p->pid);
	_cleanup_file_ FILE *f = fopen(path, "re");
	unsigned long long t[4] = { 0 };

	if (!f ||
	    fscanf(f,
		   "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu",
		   &t[0], &t[1], &t[2], &t[3]) != 4)
		return 0;
	return (double)(t[0] + t[1] + t[2] + t[3]) / (double)sysconf(_SC_CLK_TCK);
}

static double peer_memory(const struct peer *p)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/status", p->pid);
	_cleanup_file_ FILE *f = fopen(path, "re");
	char line[256];
	unsigned long kib;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %lu kB", &kib) == 1)
			return (double)kib / 1024;
	return 0;
}

/* --- Measuring ------------------------------------------------------------------------------- */

static void measure_throughput(struct peer *p, int round, size_t streams, enum metric rate,
			       enum metric cpu)
{
	double before = peer_cpu(p), bytes;

	p->samples[rate][round] = load_throughput(p->port, streams, THROUGHPUT_SECONDS) / GIB;
	poll(NULL, 0, 20); /* until socat's children were waited for */
	bytes = p->samples[rate][round] * THROUGHPUT_SECONDS;
	p->samples[cpu][round] = (peer_cpu(p) - before) / bytes;
}

static void measure_connections(struct peer *p, int round)
{
	double before, rate;

	p->samples[CONNECTS_ONE][round] = load_connections(p->port, 1, CONNECT_SECONDS);
	before = peer_cpu(p);
	rate = load_connections(p->port, CLIENTS, CONNECT_SECONDS);
	poll(NULL, 0, 20); /* as above */
	p->samples[CONNECTS_MANY][round] = rate;
	p->samples[CONNECT_CPU][round] = (peer_cpu(p) - before) * 1e6 / (rate * CONNECT_SECONDS);
}

static void measure(struct peer *p, int round)
{
	struct load_latency latency;

	measure_throughput(p, round, 1, ONE_STREAM, CPU_ONE);
	measure_throughput(p, round, STREAMS, MANY_STREAMS, CPU_MANY);
	latency = load_round_trips(p->port, LATENCY_SECONDS);
	p->samples[P50][round] = latency.p50_us;
	p->samples[P99][round] = latency.p99_us;
	measure_connections(p, round);
}

/* Once, because it is the same every time. */
static void measure_idle(struct peer *p, enum metric metric, size_t connections)
{
	int *fds = load_idle_open(p->port, connections);

	for (int i = 0; i < ROUNDS; i++)
		p->samples[metric][i] = peer_memory(p);
	load_idle_close(fds, connections);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *samples, int percent)
{
	double sorted[ROUNDS];

	memcpy(sorted, samples, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(*sorted), compare);
	return sorted[(ROUNDS - 1) * percent / 100];
}

static double median(const struct peer *p, enum metric m)
{
	return quantile(p->samples[m], 50);
}

/* --- Output ---------------------------------------------------------------------------------- */

/* The median of what each round's number was in relation to another peer's; 0 when there is none.
 */
static double ratio(size_t peer, size_t other, enum metric m)
{
	double ratios[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double base = peers[other].samples[m][i];

		ratios[i] = base > 0 ? peers[peer].samples[m][i] / base : 0;
	}
	return quantile(ratios, 50);
}

static void print_cell(size_t peer, enum metric m)
{
	double value = median(&peers[peer], m), to_direct = ratio(peer, DIRECT, m);
	char cell[64] = "-";
	int n = 1;

	if (value > 0)
		n = snprintf(cell, sizeof(cell), "%.*f", metrics[m].decimals, value);
	if (peer != DIRECT && to_direct > 0)
		(void)snprintf(cell + n, sizeof(cell) - (size_t)n, " [%.2f]", to_direct);
	printf(" %14s |", cell);
}

static void print_head(void)
{
	printf("Medians of %d interleaved rounds; in brackets the ratio to direct.\n\n| %-14s |",
	       ROUNDS, "relay");
	for (size_t m = 0; m < METRICS; m++)
		printf(" %14s |", metrics[m].title);
	printf("\n|----------------|");
	for (size_t m = 0; m < METRICS; m++)
		printf("----------------|");
	printf("\n");
}

static void print_table(void)
{
	print_head();
	for (size_t i = 0; i < PEERS; i++) {
		if (!peer_is_here(&peers[i]))
			continue;
		printf("| %-14s |", peers[i].name);
		for (size_t m = 0; m < METRICS; m++)
			print_cell(i, (enum metric)m);
		printf("\n");
	}
	if (!peer_is_here(&peers[HAPROXY]))
		return;
	printf("| %-14s |", "ours : haproxy");
	for (size_t m = 0; m < METRICS; m++)
		printf(" %14.2f |", ratio(RELAY, HAPROXY, (enum metric)m));
	printf("\n");
}

/* A row as those of samples.bash: a peer's number against another's. */
static void write_row(FILE *f, const char *prefix, size_t peer, size_t other, enum metric m)
{
	const double *samples = peers[peer].samples[m];
	double base = median(&peers[other], m);

	if (median(&peers[peer], m) <= 0)
		return;
	fprintf(f,
		"{\"bench\":\"relay\",\"row\":\"%s%s\",\"title\":\"%s, %s against %s\",\"unit\":\"%s\",",
		prefix, metrics[m].name, metrics[m].text, peers[peer].name, peers[other].name,
		metrics[m].unit);
	fprintf(f, "\"median\":%.6g,\"p10\":%.6g,\"p90\":%.6g,", quantile(samples, 50),
		quantile(samples, 10), quantile(samples, 90));
	if (base > 0)
		fprintf(f, "\"base\":%.6g,\"ratio\":%.3f}\n", base, ratio(peer, other, m));
	else
		fprintf(f, "\"base\":null,\"ratio\":null}\n");
}

/* What the goals are about: ours against HAProxy. For the record: each against a direct connection.
 */
static void write_rows(FILE *f)
{
	for (size_t m = 0; m < METRICS; m++)
		if (peer_is_here(&peers[HAPROXY]))
			write_row(f, "", RELAY, HAPROXY, (enum metric)m);
	for (size_t i = RELAY; i < PEERS; i++) {
		_cleanup_free_ char *prefix = xasprintf("%s_", peers[i].word);

		for (size_t m = 0; peer_is_here(&peers[i]) && m < METRICS; m++)
			write_row(f, prefix, i, DIRECT, (enum metric)m);
	}
}

static void write_json(const char *path)
{
	_cleanup_file_ FILE *f = fopen(path, "we");

	if (!f) {
		fprintf(stderr, "relay-bench: %s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
	write_rows(f);
}

/* Every round measures every peer, beginning with another one each time. */
static void measure_all(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < PEERS; i++) {
			struct peer *p = &peers[(order[i] + round) % PEERS];

			if (peer_is_here(p))
				measure(p, round);
		}
	}
	for (size_t i = 0; i < PEERS; i++)
		for (size_t j = 0; j < ARRAY_SIZE(idle) && peer_is_here(&peers[i]); j++)
			if (peers[i].one_process)
				measure_idle(&peers[i], idle[j].metric, idle[j].connections);
}

static void raise_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

int main(int argc, char **argv)
{
	uint16_t port;
	pid_t server;

	if (argc < 2 || argc > 3) {
		fputs("usage: relay-bench RELAY [JSON-FILE]\n", stderr);
		return 2;
	}
	peers[RELAY].program = argv[1];
	raise_descriptors();
	server = load_serve(load_listen(&port));
	for (size_t i = 0; i < PEERS; i++)
		if (peer_is_here(&peers[i]))
			peer_start(&peers[i], port);
	measure_all();
	for (size_t i = 0; i < PEERS; i++)
		peer_stop(&peers[i]);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	print_table();
	if (argc == 3)
		write_json(argv[2]);
	return 0;
}
