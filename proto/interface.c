#include "proto/interface.h"

#include <stddef.h>
#include <string.h>

#include "common/cleanup.h"

/* Embeds a file of the tree as a NUL-terminated string. */
#define EMBED(symbol, path)                                                                        \
	__asm__(".pushsection .rodata\n" #symbol ":\n.incbin \"" path                              \
		"\"\n.byte 0\n.popsection\n");                                                     \
	extern const char symbol[] __attribute__((visibility("hidden")))

EMBED(embedded_sandbox, "proto/io.awf.Sandbox.varlink");
EMBED(embedded_service, "proto/org.varlink.service.varlink");

const char *interface_description(const char *name)
{
	static const struct {
		const char *name;
		const char *text;
	} interfaces[] = {
		{ "io.awf.Sandbox", embedded_sandbox },
		{ "org.varlink.service", embedded_service },
	};

	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
		if (strcmp(interfaces[i].name, name) == 0)
			return interfaces[i].text;
	return NULL;
}
