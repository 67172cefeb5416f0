#include "awfd/mount-source.h"

#include "common/strv.h"
#include "tests/unit/check.h"

/* A host as proc(5) tells of it. */
#define MOUNTINFO                                                                                  \
	"21 28 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n"                                   \
	"28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"                                  \
	"30 28 8:2 / /home rw,relatime shared:2 master:1 - ext4 /dev/sda2 rw\n"                    \
	"31 30 0:40 / /home/me/a\\040space/in\\134side rw - fuse.sshfs x rw\n"                     \
	"32 28 0:41 / /srv/chroot/proc rw - proc proc rw\n"                                        \
	"33 28 0:42 / /srv/work rw - tmpfs tmpfs rw\n"                                             \
	"34 33 0:43 / /srv/work rw - tmpfs tmpfs rw\n"                                             \
	"35 28 0:44 / /mnt/a - b rw - xfs x rw\n"                                                  \
	"this is no line of it\n"

static char *const kept[] = { (char *)"/var/lib/awfd", (char *)"/opt/engine/docker.sock", NULL };

static const struct {
	const char *path;
	int mount_id;
	const char *reason; /* NULL: mounted */
} rows[] = {
	{ "/home/me/work", 30, NULL },
	{ "/home/me/work/file", 30, NULL },
	{ "/home/me/a", 30, NULL },
	{ "/home/me/a space/other", 30, NULL },
	{ "/home/me/a space/in\\side", 31, NULL },
	{ "/etc/hostname", 28, NULL },
	{ "/process", 28, NULL },
	{ "/runner", 28, NULL },
	{ "/var/lib/awfdata", 28, NULL },
	{ "/srv/work", 34, NULL },
	{ "/home/me", 30, "has another mount in it, at /home/me/a space/in\\side: name" },
	{ "/home", 30, "has another mount in it, at /home/me/a space/in\\side: name" },
	{ "/srv", 28, "has another mount in it, at /srv/chroot/proc: name" },
	{ "/srv/chroot/proc", 32, "is on a filesystem of type proc" },
	{ "/srv/chroot/proc/1", 32, "is on a filesystem of type proc" },
	{ "/gone", 99, "is not mounted on this host any more" },
	{ "/", 28, "has /proc in it" },
	{ "/proc", 21, "is in /proc" },
	{ "/proc/1/root/home", 21, "is in /proc" },
	{ "/sys/kernel", 28, "is in /sys" },
	{ "/dev/shm", 28, "is in /dev" },
	{ "/run/user/1000", 28, "is in /run" },
	{ "/run", 28, "is in /run" },
	{ "/var/lib/docker/overlay2", 28, "is in /var/lib/docker" },
	{ "/var/lib", 28, "has /var/lib/docker in it" },
	{ "/var", 28, "has /var/lib/docker in it" },
	{ "/var/lib/awfd", 28, "is in /var/lib/awfd" },
	{ "/var/lib/awfd/sandboxes/x", 28, "is in /var/lib/awfd" },
	{ "/opt/engine", 28, "has /opt/engine/docker.sock in it" },
	{ "/opt", 28, "has /opt/engine/docker.sock in it" },
};

static void knows_what_is_never_mounted(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mount_source source = { .path = rows[i].path, .mount_id = rows[i].mount_id };
		_cleanup_free_ char *why = mount_source_refusal(&source, MOUNTINFO, kept);

		if (rows[i].reason)
			assert_text_contains(why, rows[i].reason);
		else
			assert_same_text(why, NULL);
	}
}

/* Other mounts in it will be covered; what is never mounted stays so. */
static void knows_what_lies_inside(void **state _unused_)
{
	struct mount_source source = { .path = "/home", .mount_id = 30, .inner_is_hidden = true };
	_cleanup_free_ char *none = mount_source_refusal(&source, MOUNTINFO, kept), *why = NULL;
	_cleanup_strv_ char **inner = mount_source_inner("/srv", MOUNTINFO);

	assert_same_text(none, NULL);
	source = (struct mount_source){ "/opt", 28, true };
	why = mount_source_refusal(&source, MOUNTINFO, kept);
	assert_text_contains(why, "has /opt/engine/docker.sock in it");
	assert_int_equal(strv_length(inner), 3);
	assert_same_text(inner[0], "/srv/chroot/proc");
	assert_same_text(inner[1], "/srv/work");
	assert_null(mount_source_inner("/srv/work", MOUNTINFO));
}

static void takes_nothing_on_trust(void **state _unused_)
{
	static const char *const texts[] = {
		"", "\n", "30", " - ", "30 - x", "30 1 2 - x y", "30 1 2 / /home\\"
	};
	struct mount_source source = { .path = "/home/me", .mount_id = 30 };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *why = mount_source_refusal(&source, texts[i], NULL);

		assert_same_text(why, "is not mounted on this host any more");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_what_is_never_mounted),
		cmocka_unit_test(knows_what_lies_inside),
		cmocka_unit_test(takes_nothing_on_trust),
	};

	return RUN_TESTS("mount-source", tests);
}
