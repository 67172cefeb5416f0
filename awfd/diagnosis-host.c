#include "awfd/diagnosis-host.h"

#include <string.h>
#include <sys/statvfs.h>

#include "awfd/docker-network.h"
#include "common/alloc.h"
#include "common/cleanup.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* Files that a filesystem has to have place for. */
#define INODES_FEW  1000
#define INODES_NONE 100

/* --- Forwarding ---------------------------------------------------------------------------------
 */

/* What has to be 1, by its name for sysctl(8). */
static const struct setting {
	const char *name;
	const char *path;
	bool ipv6; /* only when squids have IPv6 */
} settings[] = {
	{ "net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward", false },
	{ "net.ipv4.conf." DOCKER_NETWORK ".forwarding",
	  "/proc/sys/net/ipv4/conf/" DOCKER_NETWORK "/forwarding", false },
	{ "net.ipv6.conf.all.forwarding", "/proc/sys/net/ipv6/conf/all/forwarding", true },
};

/* What is not there is not switched off: the bridge is made for the first sandbox that needs it. */
static bool is_off(const struct setting *s)
{
	_cleanup_file_ FILE *file = fopen(s->path, "re");

	return file && fgetc(file) == '0';
}

void diagnosis_host_forwarding(struct findings *f, bool ipv6)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *s = &settings[i];
		_cleanup_free_ char *cure = xasprintf("sudo sysctl -w %s=1", s->name);

		if ((s->ipv6 && !ipv6) || !is_off(s))
			continue;
		findings_add(f, DIAGNOSIS_FORWARDING, FINDING_FAILURE, cure,
			     "%s is 0: no sandbox reaches a domain%s; look in /etc/sysctl.d who "
			     "wants it so",
			     s->name, s->ipv6 ? " by IPv6" : "");
		return;
	}
	findings_add(f, DIAGNOSIS_FORWARDING, FINDING_OK, NULL, "%s forwarded",
		     ipv6 ? "IPv4 and IPv6 are" : "IPv4 is");
}

/* --- Disks --------------------------------------------------------------------------------------
 */

const struct disk_need disk_need_state = { "the state of sandboxes", 64 * MIB, MIB };
const struct disk_need disk_need_runtime = { "the files of running sandboxes", 16 * MIB, MIB };
const struct disk_need disk_need_logs = { "the logs", 256 * MIB, 16 * MIB };
const struct disk_need disk_need_engine = { "the engine's images and containers", GIB, 64 * MIB };

/* "1.5 GiB". The caller owns it. */
static char *size_text(uint64_t bytes)
{
	static const struct {
		uint64_t unit;
		const char *name;
	} units[] = { { GIB, "GiB" }, { MIB, "MiB" }, { KIB, "KiB" } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (bytes >= units[i].unit)
			return xasprintf("%.1f %s", (double)bytes / (double)units[i].unit,
					 units[i].name);
	return xasprintf("%u bytes", (unsigned)bytes);
}

static enum finding_status status_of(uint64_t left, uint64_t few, uint64_t none)
{
	return left < none ? FINDING_FAILURE : left < few ? FINDING_WARNING : FINDING_OK;
}

void diagnosis_host_room(struct findings *f, const char *directory, const struct disk_need *need,
			 const struct disk_room *room)
{
	_cleanup_free_ char *left = size_text(room->bytes);
	_cleanup_free_ char *cure = xasprintf("sudo du -xh --max-depth=2 %s", directory);
	enum finding_status bytes = status_of(room->bytes, need->few, need->none);
	enum finding_status inodes = room->inodes_of == 0
					     ? FINDING_OK
					     : status_of(room->inodes, INODES_FEW, INODES_NONE);

	if (inodes > bytes)
		findings_add(f, DIAGNOSIS_DISK, inodes, cure,
			     "%s has place for %u more files, for %s: remove what nobody needs",
			     directory, (unsigned)room->inodes, need->what);
	else
		findings_add(f, DIAGNOSIS_DISK, bytes, bytes == FINDING_OK ? NULL : cure,
			     "%s has %s left for %s%s", directory, left, need->what,
			     bytes == FINDING_OK ? "" : ": remove what nobody needs");
}

void diagnosis_host_disk(struct findings *f, const char *directory, const struct disk_need *need)
{
	struct statvfs s;

	if (statvfs(directory, &s) < 0) {
		findings_add(f, DIAGNOSIS_DISK, FINDING_UNKNOWN, NULL, "%s: %s", directory,
			     strerror(errno));
		return;
	}
	diagnosis_host_room(f, directory, need,
			    &(struct disk_room){ .bytes = (uint64_t)s.f_bavail * s.f_frsize,
						 .inodes = s.f_favail,
						 .inodes_of = s.f_files });
}
