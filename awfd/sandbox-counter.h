/* What awfd counts of a sandbox. */
#pragma once

enum sandbox_counter {
	SANDBOX_REQUESTS_ALLOWED, /* by squid */
	SANDBOX_REQUESTS_REFUSED,
	SANDBOX_GH_ALLOWED, /* calls of gh */
	SANDBOX_GH_REFUSED,
	SANDBOX_PACKETS_DROPPED,
};
