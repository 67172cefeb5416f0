#include "tests/bed/process-file.h"

#include <inttypes.h>

int process_load(const char *path, struct process_id *ret)
{
	_cleanup_file_ FILE *f = fopen(path, "re");
	struct process_id p;
	int pid;

	if (!f)
		return -errno;
	if (fscanf(f, "%d %" SCNu64, &pid, &p.started) != 2 || pid <= 0)
		return -EINVAL;
	p.pid = pid;
	*ret = p;
	return 0;
}

int process_save(const char *path, const struct process_id *p)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	fprintf(f, "%d %" PRIu64 "\n", (int)p->pid, p->started);
	return fclose(f) == 0 ? 0 : -errno;
}
