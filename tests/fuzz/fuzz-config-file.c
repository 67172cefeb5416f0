/* What is accepted sets nothing that the options' own rules refuse; what is refused says where. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfctl/config-file.h"
#include "common/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_list(const struct word_list *l)
{
	size_t bytes = 0;

	for (size_t i = 0; l->words && l->words[i]; i++) {
		require(l->words[i][0] != '\0');
		bytes += strlen(l->words[i]) + sizeof(char *);
	}
	require(bytes == l->bytes && bytes <= WORD_LIST_MAX);
}

static void check_accepted(const struct options *o)
{
	check_list(&o->allow_domains);
	check_list(&o->block_domains);
	check_list(&o->dns_servers);
	check_list(&o->allow_host_ports);
	check_list(&o->allow_host_service_ports);
	for (size_t i = 0; o->exclude_env && o->exclude_env[i]; i++)
		require(o->exclude_env[i][0] != '\0' && !strchr(o->exclude_env[i], '='));
	for (size_t i = 0; o->agent_timeout && o->agent_timeout[i]; i++)
		require(o->agent_timeout[i] >= '0' && o->agent_timeout[i] <= '9');
	require(!o->command && !o->operands && !o->environment && !o->mounts && !o->socket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xcalloc(size + 1, 1);
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (size > 0)
		memcpy(text, data, size);
	if (config_file_parse("f", text, size, &o, &e) == 0)
		check_accepted(&o);
	else
		require(e.message && strncmp(e.message, "f:", 2) == 0 && e.message[2] > '0' &&
			e.message[2] <= '9');
	return 0;
}
