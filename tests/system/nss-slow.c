/* libnss_slow.so.2: a name service (nsswitch.conf(5), "slow") that answers when a test wants it to.
 *
 * Whoever asks for a uid, a user or a group for which there is a FIFO /run/slow-names/uid-NUMBER,
 * user-NAME or group-NAME waits until somebody writes the answer into it: "NAME NUMBER",
 * "unavailable" or nothing. Of all others it knows nothing. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY "/run/slow-names"
#define NAME_SIZE 64

enum nss_status _nss_slow_getpwuid_r(uid_t uid, struct passwd *to, char *buffer, size_t size,
				     int *error);
enum nss_status _nss_slow_getpwnam_r(const char *name, struct passwd *to, char *buffer, size_t size,
				     int *error);
enum nss_status _nss_slow_getgrnam_r(const char *name, struct group *to, char *buffer, size_t size,
				     int *error);

/* The name goes into the buffer. */
static enum nss_status ask(const char *path, char *buffer, size_t size, unsigned *number,
			   int *error)
{
	char text[NAME_SIZE + 16] = "", name[NAME_SIZE] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return NSS_STATUS_NOTFOUND;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0 || strncmp(text, "unavailable", strlen("unavailable")) == 0) {
		*error = ECONNREFUSED;
		return NSS_STATUS_UNAVAIL;
	}
	if (sscanf(text, "%63s %u", name, number) != 2)
		return NSS_STATUS_NOTFOUND;
	if (size < sizeof(name)) {
		*error = ERANGE;
		return NSS_STATUS_TRYAGAIN;
	}
	strcpy(buffer, name);
	return NSS_STATUS_SUCCESS;
}

static enum nss_status ask_user(const char *path, struct passwd *to, char *buffer, size_t size,
				int *error)
{
	unsigned number = 0;
	enum nss_status status = ask(path, buffer, size, &number, error);

	if (status == NSS_STATUS_SUCCESS)
		*to = (struct passwd){ .pw_name = buffer,
				       .pw_passwd = (char *)"x",
				       .pw_uid = number,
				       .pw_gid = number,
				       .pw_gecos = (char *)"",
				       .pw_dir = (char *)"/",
				       .pw_shell = (char *)"/bin/sh" };
	return status;
}

enum nss_status _nss_slow_getpwuid_r(uid_t uid, struct passwd *to, char *buffer, size_t size,
				     int *error)
{
	char path[256];

	snprintf(path, sizeof(path), DIRECTORY "/uid-%u", uid);
	return ask_user(path, to, buffer, size, error);
}

enum nss_status _nss_slow_getpwnam_r(const char *name, struct passwd *to, char *buffer, size_t size,
				     int *error)
{
	char path[256];

	snprintf(path, sizeof(path), DIRECTORY "/user-%s", name);
	return ask_user(path, to, buffer, size, error);
}

enum nss_status _nss_slow_getgrnam_r(const char *name, struct group *to, char *buffer, size_t size,
				     int *error)
{
	static char *nobody[] = { NULL };
	enum nss_status status;
	unsigned number = 0;
	char path[256];

	snprintf(path, sizeof(path), DIRECTORY "/group-%s", name);
	status = ask(path, buffer, size, &number, error);
	if (status == NSS_STATUS_SUCCESS)
		*to = (struct group){ .gr_name = buffer,
				      .gr_passwd = (char *)"x",
				      .gr_gid = number,
				      .gr_mem = nobody };
	return status;
}
