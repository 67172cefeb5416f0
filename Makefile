# awf: network sandboxes for agent jobs. `make help` lists the targets.

VERSION      := 0.1.0
PREFIX       ?= /usr
SYSCONFDIR   ?= /etc
SBINDIR      ?= $(PREFIX)/sbin
BINDIR       ?= $(PREFIX)/bin
LIBEXECDIR   ?= $(PREFIX)/libexec/awfd
MANDIR       ?= $(PREFIX)/share/man
UNITDIR      ?= /usr/lib/systemd/system
SYSUSERSDIR  ?= /usr/lib/sysusers.d
TMPFILESDIR  ?= /usr/lib/tmpfiles.d
DESTDIR      ?=

CC           ?= gcc
BUILD        ?= build
SANITIZE     ?=
BIN          := $(BUILD)/bin
OBJ          := $(BUILD)/obj

DEPS         := libevent libevent_openssl json-c libnftnl libmnl libsystemd libcurl libseccomp openssl cmocka
pkg           = $(shell pkg-config --$(1) $(2) 2>/dev/null)

CPPFLAGS     += -I. -D_GNU_SOURCE -DAWF_VERSION='"$(VERSION)"' -DAWF_LIBEXECDIR='"$(LIBEXECDIR)"' \
                -DAWF_SYSCONFDIR='"$(SYSCONFDIR)"' $(call pkg,cflags,libevent json-c libnftnl libmnl)
WARNINGS     := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wformat=2 -Wstrict-prototypes -Werror
CFLAGS       ?= -O2 -g
CFLAGS       += -std=c17 $(WARNINGS) -fstack-protector-strong -fPIE -fno-strict-aliasing
LDFLAGS      += -pie -Wl,-z,relro,-z,now -Wl,--as-needed
ifneq ($(SANITIZE),)
CFLAGS       += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS      += -fsanitize=$(SANITIZE)
else
CPPFLAGS     += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif

# --- What each program is made of -----------------------------------------------------------------

COMMON_SRC    := alloc err escape fd file log parse strbuf stdcopy strv
PROTO_SRC     := errors frame interface json-fields messages
AWFD_SRC      := config conn difc-address difc-ca difc-probe docker docker-attach docker-container \
                 docker-spec link log-journal manager methods methods-table netns nft nft-expr \
                 nft-ruleset notify peer plan plan-run reconcile relay-proc sandbox sandbox-create \
                 sandbox-destroy sandbox-dirs sandbox-state server spawn
AWFD_RELAY_SRC := main pair limits listener sandboxing upstream
AWFD_PROBE_SRC := main
AWFCTL_SRC    := attach client cmd-inspect cmd-list cmd-run cmd-stop cmd-version cmd-wait commands \
                 main options render
CLI_PROXY_SRC := main
AWF_GH_SRC    := main
PAUSE_SRC     := main

UNIT_TESTS    := alloc
FUZZ_TARGETS  :=

LIBS_awfd     := $(call pkg,libs,libevent json-c libnftnl libmnl libsystemd libcurl)
LIBS_awfctl   := $(call pkg,libs,libevent json-c)

-include $(wildcard local.mk)
