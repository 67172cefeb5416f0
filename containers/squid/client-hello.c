#include "containers/squid/client-hello.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#define RECORD_HANDSHAKE 22
#define RECORD_MAX       16384
#define MESSAGE_HELLO    1
#define MESSAGE_HEADER   4
#define VERSION_FIRST    0x0301
#define VERSION_LAST     0x0303 /* of TLS 1.3, too */
#define RANDOM_SIZE      32
#define EXTENSION_NAME   0
#define EXTENSIONS       65536
#define NAME_TYPE_HOST   0
#define NAME_CHARACTERS                                                                            \
	"abcdefghijklmnopqrstuvwxyz"                                                               \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"                                                               \
	"0123456789-_."

/* What is not read yet. */
struct input {
	const uint8_t *next;
	size_t left;
};

/* The vectors between the random and the extensions: how wide their length is, what it may be. */
static const struct {
	size_t width, least, most, unit;
} vectors[] = {
	{ 1, 0, 32, 1 },    /* session id */
	{ 2, 2, 65534, 2 }, /* cipher suites */
	{ 1, 1, 255, 1 },   /* compression methods */
};

static bool take(struct input *in, size_t length, struct input *ret)
{
	if (in->left < length)
		return false;
	*ret = (struct input){ in->next, length };
	in->next += length;
	in->left -= length;
	return true;
}

/* Takes a number of so many bytes, the highest first. */
static bool take_number(struct input *in, size_t width, size_t *ret)
{
	struct input digits;

	if (!take(in, width, &digits))
		return false;
	*ret = 0;
	for (size_t i = 0; i < width; i++)
		*ret = *ret << CHAR_BIT | digits.next[i];
	return true;
}

/* Takes a length of so many bytes, and what has that length. */
static bool take_vector(struct input *in, size_t width, struct input *ret)
{
	size_t length;

	return take_number(in, width, &length) && take(in, length, ret);
}

static bool take_version(struct input *in)
{
	size_t version;

	return take_number(in, 2, &version) && version >= VERSION_FIRST && version <= VERSION_LAST;
}

/* --- records
 * -------------------------------------------------------------------------------------- */

/* Takes one record of the handshake, which is never empty. */
static bool take_record(struct input *in, struct input *ret)
{
	size_t type;

	return take_number(in, 1, &type) && type == RECORD_HANDSHAKE && take_version(in) &&
	       take_vector(in, 2, ret) && ret->left > 0 && ret->left <= RECORD_MAX;
}

/* How long the message is that begins like this, or what is needed to know that. */
static size_t message_length(const uint8_t *message, size_t length)
{
	struct input in = { message, length };
	size_t type, body;

	if (!take_number(&in, 1, &type) || !take_number(&in, 3, &body))
		return MESSAGE_HEADER;
	return MESSAGE_HEADER + body;
}

/* Puts the first message together from its records. The last one ends where the message does. */
static bool join(struct input *in, uint8_t message[static CLIENT_HELLO_MAX], size_t *ret)
{
	struct input part;
	size_t length = 0, wanted = MESSAGE_HEADER;

	do {
		if (!take_record(in, &part) || part.left > CLIENT_HELLO_MAX - length)
			return false;
		memcpy(message + length, part.next, part.left);
		length += part.left;
		wanted = message_length(message, length);
	} while (length < wanted);
	*ret = length;
	return length == wanted;
}

/* --- the hello
 * ------------------------------------------------------------------------------------ */

static bool skip_vectors(struct input *in)
{
	struct input vector;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		if (!take_vector(in, vectors[i].width, &vector))
			return false;
		if (vector.left < vectors[i].least || vector.left > vectors[i].most ||
		    vector.left % vectors[i].unit != 0)
			return false;
	}
	return true;
}

/* A list of exactly one name, of a host (RFC 6066, 3). */
static bool read_name(struct input extension, struct input *ret)
{
	struct input list;
	size_t type;

	return take_vector(&extension, 2, &list) && extension.left == 0 &&
	       take_number(&list, 1, &type) && type == NAME_TYPE_HOST &&
	       take_vector(&list, 2, ret) && list.left == 0 && ret->left > 0;
}

/* Reads every extension; none may be there twice, and that of the name must be. */
static bool read_extensions(struct input in, struct input *ret)
{
	uint8_t seen[EXTENSIONS / CHAR_BIT] = { 0 };
	struct input extension;
	bool named = false;
	size_t type;

	while (in.left > 0) {
		if (!take_number(&in, 2, &type) || !take_vector(&in, 2, &extension))
			return false;
		if (seen[type / CHAR_BIT] & 1u << type % CHAR_BIT)
			return false;
		seen[type / CHAR_BIT] |= (uint8_t)(1u << type % CHAR_BIT);
		if (type != EXTENSION_NAME)
			continue;
		if (!read_name(extension, ret))
			return false;
		named = true;
	}
	return named;
}

static bool read_hello(struct input in, struct input *name)
{
	struct input body, random, extensions;
	size_t type;

	return take_number(&in, 1, &type) && type == MESSAGE_HELLO && take_vector(&in, 3, &body) &&
	       take_version(&body) && take(&body, RANDOM_SIZE, &random) && skip_vectors(&body) &&
	       take_vector(&body, 2, &extensions) && body.left == 0 &&
	       read_extensions(extensions, name);
}

bool client_hello_names(const uint8_t *bytes, size_t length, const char *host)
{
	uint8_t message[CLIENT_HELLO_MAX];
	struct input in = { bytes, length }, name;
	size_t message_size;

	if (host[strspn(host, NAME_CHARACTERS)] != '\0')
		return false;
	return join(&in, message, &message_size) &&
	       read_hello((struct input){ message, message_size }, &name) &&
	       name.left == strlen(host) &&
	       strncasecmp((const char *)name.next, host, name.left) == 0;
}
