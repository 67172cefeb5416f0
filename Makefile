# awf: network sandboxes for agent jobs. `make help` lists the targets.
SHELL        := /bin/bash

VERSION      := 0.1.0
ARCHITECTURE  = $(shell dpkg --print-architecture)
DESTDIR      ?=
PREFIX       ?= /usr
SYSCONFDIR   ?= /etc
SBINDIR      ?= $(PREFIX)/sbin
BINDIR       ?= $(PREFIX)/bin
LIBEXECDIR   ?= $(PREFIX)/libexec/awfd
MANDIR       ?= $(PREFIX)/share/man
UNITDIR      ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR  ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR  ?= $(PREFIX)/lib/tmpfiles.d
CATALOGDIR   ?= $(PREFIX)/lib/systemd/catalog
DATADIR      ?= $(PREFIX)/share/awfd
BASHDIR      ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR       ?= $(PREFIX)/share/zsh/vendor-completions
FISHDIR      ?= $(PREFIX)/share/fish/vendor_completions.d
EXAMPLEDIR   ?= $(PREFIX)/share/doc/awf/examples

# Sanitized objects never mix with others: `make SANITIZE=address,undefined` builds beside them.
SANITIZE     ?=
BUILD        ?= build$(if $(SANITIZE),/sanitize)
BIN          := $(BUILD)/bin
OBJ          := $(BUILD)/obj
FUZZ_SECONDS ?= 60
Q            := $(if $(V),,@)

pkg           = $(shell pkg-config --$(1) $(2))
CC           := $(if $(filter default,$(origin CC)),gcc,$(CC))
WARNINGS     := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wformat=2 -Wstrict-prototypes -Werror
CPPFLAGS     += -I. -D_GNU_SOURCE -DAWF_VERSION='"$(VERSION)"' -DAWF_LIBEXECDIR='"$(LIBEXECDIR)"' \
                -DAWF_SYSCONFDIR='"$(SYSCONFDIR)"' -DAWF_DATADIR='"$(DATADIR)"'
CFLAGS       ?= $(if $(SANITIZE),-O1 -g1,-O2 -g)
ALL_CFLAGS    = -std=c17 $(WARNINGS) -fstack-protector-strong -fPIE $(CFLAGS)
ALL_LDFLAGS   = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
FORTIFY      := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
SANITIZING   := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all,$(FORTIFY))

# --- What each program is made of -----------------------------------------------------------------

COMMON_SRC    := alloc ascii clock counters err escape fd file home log parse relay-event secret \
                 stdcopy strbuf strv timestamp utf8
PROTO_SRC     := difc-advice errors findings frame frame-parser interface json-fields messages
AWFD_SRC      := audit audit-call audit-record background broker broker-message broker-mounts \
                 broker-operations broker-server caller cgroup-usage child child-output \
                 cli-proxy-limits config conn denial-log denials diagnosis diagnosis-addresses \
                 diagnosis-engine diagnosis-host difc-address difc-ca difc-probe difc-target \
                 docker docker-answer docker-attach docker-container docker-http docker-image \
                 docker-network docker-progress docker-pull docker-seccomp docker-spec domain \
                 egress engine-watch environment fd-store gh-log host-addresses host-ipv6 \
                 host-pattern host-ports host-view http-answer image-archive image-bring \
                 image-pulls image-reference image-tar job-limits link link-bridge link-plug \
                 link-request link-seal link-watch lock log-journal log-tail manager \
                 manager-firewall method-host method-query method-reply method-sandbox methods \
                 metrics metrics-file mount-build mount-cover mount-credentials mount-helper \
                 mount-masks mount-namespace mount-open mount-source mount-spec mount-stage \
                 mount-stage-fd mount-view names netlink netns netns-enter network nflog \
                 nflog-packet nft nft-egress nft-expr nft-namespace nft-objects nft-ruleset \
                 nft-set nft-table nft-watch notify oom-watch peer plan policy policy-words pool \
                 predownload private-networks process quota reconcile relay-proc relay-targets \
                 resolve resolvers sandbox sandbox-adopt sandbox-agent sandbox-attach \
                 sandbox-audit sandbox-bridge sandbox-container sandbox-create sandbox-denials \
                 sandbox-destroy sandbox-dirs sandbox-host sandbox-images sandbox-info \
                 sandbox-lease sandbox-links sandbox-logs sandbox-masks sandbox-memory \
                 sandbox-mounts sandbox-name sandbox-policy sandbox-pool sandbox-probe \
                 sandbox-ready sandbox-relay sandbox-removal sandbox-request sandbox-resolve \
                 sandbox-spec sandbox-squid sandbox-state sandbox-stats sandbox-turn sandbox-watch \
                 server socket-address spawn squid-config squid-log start-queue stats turns \
                 upstream-proxy
RELAY_SRC     := direction limits listener main pair pairs passed pipe-pool report sandboxing \
                 shares socket target upstream upstreams
PROBE_SRC     := ask diagnosis main
MOUNT_SRC     := main
MASKS_SRC     := main walk
NAMES_SRC     := main
NAMESPACES_SRC := main
AWFCTL_SRC    := age attach client cmd-check cmd-complete cmd-denials cmd-doctor cmd-help cmd-list \
                 cmd-logs cmd-metrics cmd-predownload cmd-reload cmd-run cmd-stats cmd-stop \
                 cmd-version cmd-wait comeback commands complain completion config-file \
                 denial-text detach-keys doctor-awfd doctor-host doctor-socket domains-file \
                 elsewhere env-file exit-code help input-file log-copies log-reader log-session \
                 log-set log-sources log-summary log-text look main moment nearest options output \
                 output-dir progress pull-progress pump refusals render ruleset seen-denials \
                 service-info start start-egress start-env start-session stats-text subscription \
                 table tally tenant terminal window word-list yaml-reader
GH_SRC        := arguments command flags refusal
CLI_PROXY_SRC := access-log answer calls downloads exec-call exec-call-files exec-call-gh \
                 exec-call-log exec-request gh-argv gh-confinement gh-env gh-filter gh-launch \
                 gh-limits gh-process gh-rules gh-trouble landlock listener main reaper redact \
                 reply routes settings uploads
AWF_GH_SRC    := awf-gh clone connection download-entry gh-request http-response proxy-url session \
                 sources unpack
PAUSE_SRC     := awf-pause
HOST_SRC      := awf-init
HOLD_SRC      := awf-hold
SQUID_SRC     := client-hello sni-match
BENCH_LOADS   := engine list nft pure
BED_PROGRAMS  := answerer bed-enter difc-stand-in fake-engine service snapshot
BED_SRC       := control fake-engine-conn fake-engine-rules http-reader process-file \
                 stand-in-actions stand-in-conn stand-in-faults stand-in-github stand-in-graphql \
                 stand-in-plain stand-in-record stand-in-releases stand-in-routes stand-in-tls

LIBS_awfd           = $(call pkg,libs,libevent_core json-c libnftnl libmnl libsystemd libcurl libidn2)
LIBS_awf-relay      = $(call pkg,libs,libevent_core libseccomp)
LIBS_awf-difc-probe = $(call pkg,libs,libcurl json-c openssl)
LIBS_awfctl         = $(call pkg,libs,json-c yaml-0.1)
LIBS_awf-cli-proxy  = $(call pkg,libs,libevent json-c libseccomp) -lresolv
LIBS_awf-gh         = $(call pkg,libs,json-c)
LIBS_tests          = $(call pkg,libs,cmocka libevent json-c libnftnl libmnl libsystemd libcurl openssl libidn2 yaml-0.1 libseccomp) \
                      -lresolv
LIBS_bed            = $(call pkg,libs,libevent libevent_openssl openssl json-c libcurl libsystemd)

# The calls between awfd's parts at which the crash matrix kills it: tests/system/awfd-crash.c.
CRASH_POINTS  := audit_call file_write_atomic link_connect link_plug_in log_tails_new \
                 manager_watch_firewall mount_masks_cover nft_namespace_apply nft_namespace_grant \
                 nft_new nft_relay_targets_add nft_relay_targets_remove nft_squid_add \
                 nft_squid_remove notify_ready plan_start reconcile_start rename sandbox_adopt_all \
                 sandbox_dirs_make sandbox_lease_await sandbox_lease_renew sandbox_bridge_adopt \
                 sandbox_load_all sandbox_logs_reopen sandbox_relay_adopt sandbox_start_timeout \
                 sandbox_wait_for_agent server_new server_start

# Unit tests are tests/unit/test-NAME.c; those of ROOT_TESTS need root and make their own namespaces.
UNIT_TESTS    := access-log audit awfctl-comeback awfctl-commands awfctl-completion awfctl-config \
                 awfctl-copies awfctl-denials awfctl-detach-keys awfctl-doctor awfctl-egress \
                 awfctl-elsewhere awfctl-env awfctl-exit-code awfctl-from-awf awfctl-logs \
                 awfctl-nearest awfctl-options awfctl-output awfctl-pull-progress awfctl-render \
                 awfctl-ruleset awfctl-run awfctl-run-comeback awfctl-run-signals \
                 awfctl-run-streams awfctl-run-tty awfctl-stats awfctl-tenant background broker \
                 cgroup-usage cli-proxy-limits client-hello clone config conn denial-log denials \
                 diagnosis difc-address difc-ca difc-probe docker docker-attach docker-image \
                 docker-network docker-progress docker-pull docker-spec domain downloads egress \
                 environment err errors escape exec-request fd fd-store file frame gh-argv gh-env \
                 gh-launch gh-limits gh-log gh-request gh-rules gh-trouble hold host-addresses \
                 host-pattern host-ports host-view http-answer http-response image-reference \
                 image-tar interface job-limits json-fields landlock lock log log-tail metrics \
                 mount-credentials mount-open mount-source mount-spec names netlink network \
                 nflog-packet nft-ruleset notify parse peer plan policy pool private-networks \
                 process quota redact relay relay-event relay-log relay-proc relay-storm \
                 relay-upstreams resolvers sandbox-name sandbox-state secret sni-match \
                 socket-address spawn squid-config squid-log start-queue stdcopy strbuf strv \
                 timestamp turns unpack upstream-proxy
# The one that takes longest is started first.
ROOT_TESTS    := nft-way-out link link-plug link-watch mount-masks mount-stage netns nflog nft \
                 nft-egress nft-namespace nft-restore nft-watch oom-watch

# What several of them use: tests/unit/NAME.c.
UNIT_HELPERS  := awfctl-run certificates engine-mounts fake-awfd fake-engine golden loopback \
                 namespaces outside relay

# Fuzz targets are tests/fuzz/fuzz-NAME.c with a corpus in tests/fuzz/corpus/NAME/.
FUZZ_TARGETS  := broker client-hello config-file denial-log difc-address difc-ca docker-progress \
                 domain download-entry exec-request frame gh-log host-ports http-response \
                 image-tar methods mount-spec nflog policy redact relay-event ruleset squid-config \
                 squid-log state stdcopy

# --- What is installed: mode, file, and where ----------------------------------------------------

IMAGES        := pause host cli-proxy squid agent
MAN_PAGES     := awf-gh.1 awfctl.1 awfd.conf.5 awf-examples.7 awf-migration.7 awf-security.7 \
                 awf-troubleshooting.7 io.awf.Sandbox.7 awf-namespaces.8 awf-relay.8 awfd.8
EXAMPLES      := github-actions.yml kubernetes.Dockerfile kubernetes.yaml nomad.hcl
INSTALLED     := \
	755:$(BIN)/awfd:$(SBINDIR)/awfd \
	755:$(BIN)/awfctl:$(BINDIR)/awfctl \
	$(foreach p,awf-relay awf-difc-probe awf-names awf-namespaces awf-mount-open awf-mount-masks awf-gh awf-hold,755:$(BIN)/$p:$(LIBEXECDIR)/$p) \
	755:systemd/awf-images:$(LIBEXECDIR)/awf-images \
	$(foreach f,$(foreach i,$(IMAGES),$i.tar $i.tar.sha256),644:$(BUILD)/images/$f:$(DATADIR)/images/$f) \
	$(foreach u,awfd.service awfd.socket awfd-namespaces@.service awfd-namespaces.socket awfd-images.service,644:systemd/$u:$(UNITDIR)/$u) \
	644:systemd/sysusers.conf:$(SYSUSERSDIR)/awfd.conf \
	644:systemd/tmpfiles.conf:$(TMPFILESDIR)/awfd.conf \
	644:systemd/awfd.catalog:$(CATALOGDIR)/awfd.catalog \
	644:systemd/awfd.conf:$(SYSCONFDIR)/awfd/awfd.conf \
	644:awfctl/completion.bash:$(BASHDIR)/awfctl \
	644:awfctl/completion.zsh:$(ZSHDIR)/_awfctl \
	644:awfctl/completion.fish:$(FISHDIR)/awfctl.fish \
	644:awfctl/config.schema.json:$(DATADIR)/config.schema.json \
	644:awfctl/output.schema.json:$(DATADIR)/output.schema.json \
	$(foreach e,$(EXAMPLES),644:man/examples/$e:$(EXAMPLEDIR)/$e) \
	$(foreach m,$(MAN_PAGES),644:man/$m:$(MANDIR)/man$(subst .,,$(suffix $m))/$m)

# Files that name others by path, and what the paths are when PREFIX is another one.
WITH_PATHS    := $(UNITDIR)/awfd.service $(UNITDIR)/awfd-namespaces@.service $(UNITDIR)/awfd-images.service $(LIBEXECDIR)/awf-images
INSTALLED_PATHS := -e 's|/usr/sbin/awfd|$(SBINDIR)/awfd|' -e 's|/usr/bin/awfctl|$(BINDIR)/awfctl|' \
                 -e 's|/usr/libexec/awfd|$(LIBEXECDIR)|' -e 's|/usr/share/awfd|$(DATADIR)|'

# --- Targets --------------------------------------------------------------------------------------

PROGRAMS      := awf-difc-probe awf-names awf-namespaces awf-relay awfctl awfd
STATICS       := awf-gh awf-hold awf-init awf-mount-masks awf-mount-open awf-pause awf-sni-match
SIDECARS      := awf-cli-proxy

.PHONY: all help demo test check check-root system-test images test-images test-machine bench bench-scale bench-check bench-results fuzz fuzz-replay lint format \
        install uninstall deb clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(addprefix $(BIN)/,$(PROGRAMS) $(STATICS) $(SIDECARS)) ## build every program

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r name text; do printf '%-12s %s\n' "$$name" "$$text"; done

demo: ## set everything up, run one sandboxed gh as an unprivileged user, clean up (root)
	@tests/demo

test: ## the whole test run: set-up, unit tests, system tests (root)
	@tests/run-all

check: unit-tests fuzz-replay ## build and run the unit tests (no root)
	@AWF_TEST_JOBS=$$(nproc) tests/unit/run $(addprefix $(BIN)/tests/test-,$(UNIT_TESTS))

check-root: unit-tests ## run the unit tests that need root
	@AWF_SKIP_IS_FAILURE=1 AWF_TEST_JOBS=$$(nproc) tests/unit/run $(addprefix $(BIN)/tests/test-,$(ROOT_TESTS))

images: $(BIN)/awf-cli-proxy $(BIN)/awf-init $(BIN)/awf-pause $(BIN)/awf-sni-match ## make the container images from Debian's packages
	@containers/make-images $(BIN) $(BUILD)/images

test-machine: deb ## make the root of the Debian machine that tests install the package on (root)
	@tests/bed/make-machine $(BUILD)/awf_$(VERSION)_$(ARCHITECTURE).deb $(BUILD)/machine

test-images: images $(BUILD)/internet/made $(BIN)/tests/witness ## make the images that only tests need
	@tests/bed/agent-test.sh $(BIN) $(BUILD)/images
	@for root in tests/bed/roots/*.sh; do $$root $(BIN) $(BUILD)/images || exit 1; done

bench: all ## measure against peers, as ratios (root)
	@tests/bench/run

bench-scale: all ## only with many sandboxes at once: SANDBOXES=200 KIND=plain, or full (root)
	@tests/bench/run scale

bench-check: all ## measure again, and compare with tests/bench/results.json (root)
	@tests/bench/run
	@tests/bench/check build/bench

bench-results: ## write tests/bench/RESULTS.md from what was measured last
	@tests/bench/results build/bench

.PHONY: unit-tests
unit-tests: all $(addprefix $(BIN)/tests/test-,$(UNIT_TESTS) $(ROOT_TESTS))

.PHONY: bench-programs
bench-programs: $(BIN)/tests/relay-bench $(BENCH_LOADS:%=$(BIN)/tests/%-load)

.PHONY: bed-programs
bed-programs: $(addprefix $(BIN)/tests/,$(BED_PROGRAMS) crash/awfd escape flood libnss_slow.so.2 probe fake-gh \
                gh-table swap without) \
              $(BUILD)/internet/made

# --- Rules ----------------------------------------------------------------------------------------

objects       = $(patsubst %,$(OBJ)/$(1)/%.o,$(2))
LIBCOMMON    := $(BUILD)/libcommon.a
LIBPROTO     := $(BUILD)/libproto.a
LIBAWFD      := $(BUILD)/libawfd.a
LIBAWFCTL    := $(BUILD)/libawfctl.a
LIBCLIPROXY  := $(BUILD)/libcli-proxy.a
LIBAWFGH     := $(BUILD)/libawf-gh.a
LIBGH        := $(BUILD)/libgh.a
LIBSQUID     := $(BUILD)/libsquid.a
LIBUNIT      := $(BUILD)/libunit.a
LIBBED       := $(BUILD)/libbed.a
STATICCOMMON := $(BUILD)/libcommon-static.a
STATICGH     := $(BUILD)/libgh-static.a

$(OBJ)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "cc $<"
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(SANITIZING) -MMD -MP -c -o $@ $<

# What has paths compiled in is compiled again when PREFIX is another one.
.PHONY: FORCE
$(BUILD)/paths: FORCE
	@mkdir -p $(@D)
	@echo '$(LIBEXECDIR) $(SYSCONFDIR) $(DATADIR)' | cmp -s - $@ || echo '$(LIBEXECDIR) $(SYSCONFDIR) $(DATADIR)' >$@

$(OBJ)/awfd/config.o $(OBJ)/awfd/main.o $(OBJ)/awfd/namespaces/main.o: $(BUILD)/paths

# Static programs run inside other people's images; sanitizers can't be linked into them.
$(OBJ)/static/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "cc $<"
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(FORTIFY) -MMD -MP -c -o $@ $<

$(OBJ)/proto/interface.o: proto/io.awf.Sandbox.varlink proto/org.varlink.service.varlink

%.a:
	@mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(LIBCOMMON): $(call objects,common,$(COMMON_SRC))
$(LIBPROTO): $(call objects,proto,$(PROTO_SRC))
$(LIBAWFD): $(call objects,awfd,$(AWFD_SRC))
$(LIBAWFCTL): $(call objects,awfctl,$(filter-out main,$(AWFCTL_SRC)))
$(LIBCLIPROXY): $(call objects,containers/cli-proxy,$(filter-out main,$(CLI_PROXY_SRC)))
$(LIBAWFGH): $(call objects,containers/agent,$(filter-out awf-gh,$(AWF_GH_SRC)))
$(LIBGH): $(call objects,containers/gh,$(GH_SRC))
$(LIBSQUID): $(call objects,containers/squid,$(filter-out sni-match,$(SQUID_SRC)))
$(LIBUNIT): $(call objects,tests/unit,$(UNIT_HELPERS))
$(LIBBED): $(call objects,tests/bed,$(BED_SRC))
$(STATICCOMMON): $(call objects,static/common,$(COMMON_SRC))
$(STATICGH): $(call objects,static/containers/gh,$(GH_SRC))

link          = @mkdir -p $(@D); echo "link $@"; $(CC) $(ALL_CFLAGS) $(SANITIZING) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(1)
link_static   = @mkdir -p $(@D); echo "link $@"; $(CC) $(ALL_CFLAGS) $(FORTIFY) -static $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(1)

$(BIN)/awfd: $(OBJ)/awfd/main.o $(LIBAWFD) $(LIBPROTO) $(LIBCOMMON)
	$(call link,$(LIBS_$(@F)))

$(BIN)/awf-relay: $(call objects,awfd/relay,$(RELAY_SRC)) $(LIBCOMMON)
	$(call link,$(LIBS_$(@F)))

$(BIN)/awf-difc-probe: $(call objects,awfd/probe,$(PROBE_SRC)) $(LIBCOMMON)
	$(call link,$(LIBS_$(@F)))

# Not static, because name services are shared objects.
$(BIN)/awf-names: $(call objects,awfd/names,$(NAMES_SRC)) $(LIBCOMMON)
	$(call link)

$(BIN)/awf-namespaces: $(call objects,awfd/namespaces,$(NAMESPACES_SRC)) $(LIBAWFD) $(LIBCOMMON)
	$(call link)

$(BIN)/awfctl: $(OBJ)/awfctl/main.o $(LIBAWFCTL) $(LIBPROTO) $(LIBCOMMON)
	$(call link,$(LIBS_$(@F)))

$(BIN)/awf-cli-proxy: $(OBJ)/containers/cli-proxy/main.o $(LIBCLIPROXY) $(LIBGH) $(LIBCOMMON)
	$(call link,$(LIBS_$(@F)))

$(BIN)/awf-gh: $(call objects,static/containers/agent,$(AWF_GH_SRC)) $(STATICGH) $(STATICCOMMON)
	$(call link_static,$(LIBS_$(@F)))

# Static, because they run in the engine's mount namespace.
$(BIN)/awf-mount-open: $(call objects,static/awfd/mount,$(MOUNT_SRC)) $(STATICCOMMON)
	$(call link_static)

$(BIN)/awf-mount-masks: $(call objects,static/awfd/masks,$(MASKS_SRC)) $(call objects,static/awfd,mount-credentials mount-spec) $(STATICCOMMON)
	$(call link_static)

$(BIN)/awf-pause: $(call objects,static/containers/pause,$(PAUSE_SRC))
	$(call link_static)

$(BIN)/awf-hold: $(call objects,static/containers/hold,$(HOLD_SRC))
	$(call link_static)

$(BIN)/awf-init: $(call objects,static/containers/host,$(HOST_SRC))
	$(call link_static)

$(BIN)/awf-sni-match: $(call objects,static/containers/squid,$(SQUID_SRC))
	$(call link_static,-lresolv)

$(BIN)/tests/test-%: $(OBJ)/tests/unit/test-%.o $(LIBUNIT) $(LIBAWFD) $(LIBAWFCTL) $(LIBCLIPROXY) $(LIBAWFGH) $(LIBGH) $(LIBSQUID) $(LIBPROTO) $(LIBCOMMON)
	$(call link,$(LIBS_tests))

$(addprefix $(BIN)/tests/,$(BED_PROGRAMS)): $(BIN)/tests/%: $(OBJ)/tests/bed/%.o $(LIBBED) $(LIBAWFD) $(LIBCOMMON)
	$(call link,$(LIBS_bed))

# What the bed's small internet serves.
$(BUILD)/internet/made: tests/bed/make-internet tests/bed/internet.bash
	@echo "make $(@D)"
	$(Q)tests/bed/make-internet $(@D)

# awfd as it is shipped, but for calls that are led through what kills it.
$(BIN)/tests/crash/awfd: $(OBJ)/tests/system/awfd-crash.o $(OBJ)/awfd/main.o $(LIBAWFD) $(LIBPROTO) $(LIBCOMMON)
	$(call link,$(CRASH_POINTS:%=-Wl,--wrap=%) $(LIBS_awfd))

# What the system tests attack with, inside any container.
$(BIN)/tests/probe: $(OBJ)/static/tests/system/probe.o
	$(call link_static)

$(BIN)/tests/swap: $(OBJ)/static/tests/system/swap.o
	$(call link_static)

# What other images than ours have in them.
$(BIN)/tests/witness: $(OBJ)/static/tests/system/witness.o
	$(call link_static)

# What they attack the kernel with.
$(BIN)/tests/escape: $(OBJ)/static/tests/system/escape.o
	$(call link_static)

# A client that floods.
$(BIN)/tests/flood: $(OBJ)/tests/system/flood.o $(LIBCOMMON)
	$(call link)

# A name service that is slow.
$(BIN)/tests/libnss_slow.so.2: tests/system/nss-slow.c Makefile
	@mkdir -p $(@D)
	@echo "link $@"
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(FORTIFY) -fPIC -shared -Wl,-soname,$(@F) -o $@ $<

$(BIN)/tests/gh-table: $(OBJ)/tests/system/gh-table.o $(LIBGH) $(LIBCOMMON)
	$(call link)

# What the tests of the gh channel have in gh's place, and what takes system calls from awf-cli-proxy.
$(BIN)/tests/fake-gh: $(call objects,static/tests/system,fake-gh fake-gh-attacks)
	$(call link_static)

$(BIN)/tests/without: $(OBJ)/static/tests/system/without.o
	$(call link_static)

$(BIN)/tests/relay-bench: $(call objects,tests/bench,floor load relay-bench) $(LIBCOMMON)
	$(call link,-pthread)

# What the benches on the bed load awfd, the engine and the firewall with.
$(BIN)/tests/%-load: $(OBJ)/tests/bench/%-load.o $(LIBAWFD) $(LIBAWFCTL) $(LIBPROTO) $(LIBCOMMON)
	$(call link,$(LIBS_awfd))

# Replays a corpus through a fuzz target, as a unit test.
$(BIN)/tests/replay-%: $(OBJ)/tests/fuzz/fuzz-%.o $(OBJ)/tests/fuzz/replay.o $(LIBAWFD) $(LIBAWFCTL) $(LIBCLIPROXY) $(LIBAWFGH) $(LIBGH) $(LIBSQUID) $(LIBPROTO) $(LIBCOMMON)
	$(call link,$(LIBS_tests))

.PHONY: replay-programs
replay-programs: $(addprefix $(BIN)/tests/replay-,$(FUZZ_TARGETS))

fuzz-replay: replay-programs ## replay the fuzz corpora
	@for t in $(FUZZ_TARGETS); do $(BIN)/tests/replay-$$t tests/fuzz/corpus/$$t || exit 1; done

fuzz: ## run every fuzz target for FUZZ_SECONDS (clang)
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# All in one command, with every header as a prerequisite: fuzzed code has its own instrumentation.
FUZZ_FLAGS   := -std=c17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_HEADERS := $(wildcard common/*.h proto/*.h proto/*.varlink awfctl/*.h awfd/*.h containers/*/*.h)
.SECONDEXPANSION:
$(BUILD)/fuzz/fuzz-%: tests/fuzz/fuzz-%.c $(COMMON_SRC:%=common/%.c) $(PROTO_SRC:%=proto/%.c) \
		$$(FUZZ_SRC_$$*) $(FUZZ_HEADERS) Makefile
	@mkdir -p $(@D)
	@echo "clang $@"
	$(Q)clang $(CPPFLAGS) $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) $(call pkg,libs,json-c libevent libidn2 libmnl yaml-0.1 $(FUZZ_PKG_$*)) -lresolv

# The programs' own sources that a fuzz target needs, beside common and proto.
FUZZ_SRC_broker := $(AWFD_SRC:%=awfd/%.c)
FUZZ_PKG_broker := libcurl libnftnl libsystemd
FUZZ_SRC_client-hello := containers/squid/client-hello.c
FUZZ_PKG_client-hello := openssl
FUZZ_SRC_config-file := $(addprefix awfctl/,config-file.c elsewhere.c input-file.c nearest.c options.c word-list.c yaml-reader.c)
FUZZ_SRC_difc-address := awfd/difc-address.c
FUZZ_SRC_difc-ca := awfd/difc-ca.c
FUZZ_SRC_docker-progress := $(addprefix awfd/,docker-answer.c docker-progress.c image-reference.c)
FUZZ_SRC_domain := awfd/domain.c
FUZZ_SRC_download-entry := containers/agent/download-entry.c
FUZZ_SRC_exec-request := $(addprefix containers/cli-proxy/,exec-request.c gh-argv.c gh-env.c gh-rules.c) \
			 $(GH_SRC:%=containers/gh/%.c)

FUZZ_SRC_denial-log := awfd/denial-log.c awfd/squid-log.c
FUZZ_SRC_gh-log := awfd/gh-log.c
FUZZ_SRC_mount-spec := awfd/mount-spec.c
FUZZ_SRC_nflog := awfd/nflog-packet.c
FUZZ_SRC_host-ports := awfd/host-ports.c
FUZZ_SRC_image-tar := $(addprefix awfd/,docker-answer.c image-reference.c image-tar.c)
FUZZ_SRC_http-response := containers/agent/http-response.c
FUZZ_SRC_policy := $(AWFD_SRC:%=awfd/%.c)
FUZZ_PKG_policy := libcurl libnftnl libsystemd
FUZZ_SRC_squid-config := $(addprefix awfd/,domain.c network.c private-networks.c squid-config.c squid-log.c)
FUZZ_SRC_squid-log := awfd/squid-log.c
# The engine and what awfd spawns are in the target itself.
FUZZ_SRC_methods := $(patsubst %,awfd/%.c,$(filter-out difc-probe docker resolve,$(AWFD_SRC)))
FUZZ_PKG_methods := libcurl libnftnl libsystemd
FUZZ_SRC_state := $(AWFD_SRC:%=awfd/%.c)
FUZZ_PKG_state := libcurl libnftnl libsystemd
FUZZ_SRC_redact := containers/cli-proxy/redact.c
FUZZ_SRC_ruleset := awfctl/ruleset.c awfctl/word-list.c awfctl/yaml-reader.c

format: ## reformat the C sources with clang-format
	clang-format -i $$(git ls-files '*.c' '*.h')

# One file a process: of several in one, the analyzer now and then found a leaked va_list in one that has none.
lint: export LINT_FLAGS = -std=c17 $(subst ',,$(CPPFLAGS))
lint: ## check formatting and look for defects (clang-format, clang-tidy)
	@clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h')
	@git ls-files 'awfd/*.c' 'awfctl/*.c' 'common/*.c' 'proto/*.c' 'containers/*.c' | \
		xargs -P "$$(nproc)" -n 1 sh -c 'clang-tidy --quiet "$$@" -- $$LINT_FLAGS' lint

install: all images ## install into DESTDIR
	@for image in $(IMAGES:%=$(BUILD)/images/%.tar); do sha256sum <"$$image" >"$$image.sha256" || exit 1; done
	@for file in $(INSTALLED); do \
		set -- $$(echo "$$file" | tr : ' '); \
		install -D -m "$$1" "$$2" "$(DESTDIR)$$3" || exit 1; \
	done
	@sed -i $(INSTALLED_PATHS) $(addprefix $(DESTDIR),$(WITH_PATHS))
	@install -d $(DESTDIR)$(SYSCONFDIR)/awfd/awfd.conf.d

uninstall: ## remove what install installed, but the configuration
	@rm -f $(addprefix $(DESTDIR),$(filter-out $(SYSCONFDIR)/%,$(foreach f,$(INSTALLED),$(lastword $(subst :, ,$f)))))
	@rm -df $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DATADIR)/images $(DESTDIR)$(DATADIR) $(DESTDIR)$(EXAMPLEDIR)

deb: all images ## make the Debian package, build/awf_VERSION_ARCH.deb
	@packaging/make-deb $(VERSION) $(BUILD)

clean: ## remove what was built
	rm -rf build

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
