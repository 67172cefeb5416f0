/* The interface descriptions that introspection serves (org.varlink.service). */
#pragma once

/* The text of the interface file of that name, or NULL. Static. */
const char *interface_description(const char *name);
