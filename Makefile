# make run     build pmtr and run an example, without root and without installing anything
# make check   what every change must pass: format, lints, all tests
# make help    the other targets

CARGO ?= cargo
PREFIX ?= /usr
SYSCONFDIR ?= /etc
DESTDIR ?=
# The init systems to install for: systemd, sysvinit, openrc, several of them, or none; empty: what the machine has.
INIT ?=
# Whether root enables and starts, or restarts, the service on a running system.
START ?= yes
# The number of random worlds of `make worlds`.
SEEDS ?= 100000
# How many failures of each call `make faults` tries, and whether it skips most of them.
N ?= 10
SHORT ?=
# Arguments of `make mutants`: --jobs N, --every N, --caught, or a word from the names of the mutants to run.
MUTANTS ?=
# Arguments of `make coverage` (--missing), `make miri` and `make asan` (words from the names of tests).
COVERAGE ?=
MIRI ?=
ASAN ?=

# Without these some tests are skipped.
TEST_TOOLS = bash ip mkfifo nft objdump python3 setsid strace unshare vim

RELEASE = $${CARGO_TARGET_DIR:-target}/release
BUILT = $(or $(CARGO_TARGET_DIR),target)/release
PROGRAMS = pmtr pmtr-ctl pmtr-rptserver
PAGES = pmtr-ctl.1 pmtr.conf.5 pmtr-container.7 pmtr-fleet.7 pmtr.8 pmtr-rptserver.8

.PHONY: build run check clean worlds soak mutants faults flood prometheus programs bench bench-short bench-peers check-boxes nightly install uninstall help need-cargo need-lints

build: need-cargo
	$(CARGO) build --release --locked

# This shell and pmtr both get the ^C: pmtr stops its jobs, and the shell waits for it and cleans up.
run: build
	@dir=$$(mktemp -d "$${TMPDIR:-/tmp}/pmtr-run.XXXXXX") || exit 1; \
	trap : INT TERM; \
	cp examples/tour.conf "$$dir/pmtr.conf"; \
	echo; \
	echo "pmtr runs in the foreground. Edit its file in another terminal:"; \
	echo; \
	echo "    $$dir/pmtr.conf"; \
	echo; \
	echo "Saving applies the changes: change a command, remove a job, add one, make a mistake."; \
	echo "Or kill a job by the number in brackets. ^C stops pmtr and its jobs."; \
	echo; \
	$(RELEASE)/pmtr -F -c "$$dir/pmtr.conf" --state "$$dir/state"; status=$$?; \
	rm -rf "$$dir"; \
	exit $$status

# The tests of the programs mostly wait, as for a restart after ten seconds, so more of them run at a time than there
# are processors; the other tests compute.
THREADS ?= 8
SUITES = $(filter-out it,$(basename $(notdir $(wildcard tests/*.rs))) $(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs)))

check: need-lints
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	$(CARGO) test --locked --no-run
	$(CARGO) test --locked --lib $(SUITES:%=--test %)
	RUST_TEST_THREADS=$(THREADS) $(CARGO) test --locked --test it
# The child of a spawn is looked at in the machine code, which is that of a release only without these.
	$(CARGO) test --locked --config profile.test.package.pmtr.debug-assertions=false --lib sys::
	@for tool in $(TEST_TOOLS); do command -v $$tool >/dev/null 2>&1 || missing="$$missing $$tool"; done; \
	[ -z "$$missing" ] || echo "make check: not installed, so what needs it was skipped:$$missing"
	@[ "$$(id -u)" -eq 0 ] || echo "make check: not root, so what needs root was skipped"
	@echo "make check: all is well"

clean: need-cargo
	$(CARGO) clean

worlds: need-cargo
	PMTR_SIM_SEEDS=$(SEEDS) $(CARGO) test --locked --test sim

# Thousands of real processes; as root, or the parts that need namespaces are skipped.
# TIME is how many seconds of crashes it takes; the other loads are scaled by it.
soak: TIME ?= 600
soak: need-cargo
	PMTR_SOAK=$(TIME) $(CARGO) test --locked --release --test it soak:: -- --nocapture --test-threads=1

mutants: need-cargo
	@$(CARGO) mutants --version >/dev/null 2>&1 || { \
	echo "make mutants: cargo-mutants is missing. Try: cargo install --locked cargo-mutants" >&2; exit 1; }
	CARGO="$(CARGO)" python3 tests/mutants.py $(MUTANTS)

# Each system call of the daemon fails once, and what a machine can run out of is gone for a while. Needs strace, and
# root or namespaces of users.
faults: build
	python3 tests/faults --most $(N) $(if $(SHORT),--short) "$(RELEASE)"

# A million datagrams of rubbish while jobs die.
flood: need-cargo
	PMTR_FLOOD=1000000 $(CARGO) test --locked --release --test it flood -- --nocapture

# Needs prometheus, promtool and prometheus-node-exporter.
prometheus: build
	python3 tests/prometheus.py "$(RELEASE)"

# Real servers, each with the options that it needs. Each is named with its Debian package.
SERVERS = postgres:postgresql redis-server:redis-server nginx:nginx python3:python3
programs: need-cargo
	@PATH="$$PATH:/usr/sbin:$$(echo /usr/lib/postgresql/*/bin | tr ' ' :)"; \
	for pair in $(SERVERS); do \
	command -v "$${pair%%:*}" >/dev/null 2>&1 || missing="$$missing $${pair##*:}"; done; \
	[ -z "$$missing" ] || { echo "make programs: not installed; the Debian packages are:$$missing" >&2; exit 1; }
	$(CARGO) build --locked --example probe
	PMTR_PROGRAMS=yes $(CARGO) test --locked --test it programs::

bench: need-cargo
	$(CARGO) bench --locked --bench parse
	$(CARGO) bench --locked --bench daemon
	$(CARGO) bench --locked --bench fleet

bench-short: need-cargo
	$(CARGO) bench --locked --bench parse
	$(CARGO) bench --locked --bench daemon -- --short
	$(CARGO) bench --locked --bench fleet -- --short

# TIME is in seconds over all TARGETS, which are those of fuzz/Cargo.toml when empty.
TARGETS ?=
.PHONY: fuzz
fuzz: TIME ?= 60
fuzz: need-cargo
	@CARGO="$(CARGO)" TIME="$(TIME)" TARGETS="$(TARGETS)" sh fuzz/run.sh

# In the same rounds as whichever of them is found: runsvdir, s6-svscan, svscan, supervisord, monit, dinit, and the
# C original that PMTR_C names.
bench-peers: need-cargo
	$(CARGO) bench --locked --bench daemon -- --peers

# The zsh of Debian has a directory for this, and looks into no other below /usr.
ZSH = $(if $(wildcard $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions),vendor-completions,site-functions)

# What is laid below PREFIX: mode, place, file. The init script, the unit and the configuration are install.sh's own.
define FILES
$(foreach program,$(PROGRAMS),755 bin/$(program) $(BUILT)/$(program)
)
$(foreach page,$(PAGES),644 share/man/man$(subst .,,$(suffix $(page)))/$(page) man/$(page)
)
644 share/doc/pmtr/pmtr.conf.example pmtr.conf.example
644 share/doc/pmtr/hardening.conf initscripts/hardening.conf
644 share/doc/pmtr/prometheus/pmtr.rules.yml examples/prometheus/pmtr.rules.yml
644 share/bash-completion/completions/pmtr completions/pmtr.bash
link share/bash-completion/completions/pmtr-ctl pmtr
link share/bash-completion/completions/pmtr-rptserver pmtr
644 share/zsh/$(ZSH)/_pmtr completions/_pmtr
644 share/fish/vendor_completions.d/pmtr.fish completions/pmtr.fish
644 share/fish/vendor_completions.d/pmtr-ctl.fish completions/pmtr-ctl.fish
644 share/fish/vendor_completions.d/pmtr-rptserver.fish completions/pmtr-rptserver.fish
644 share/vim/vimfiles/syntax/pmtr.vim vim/syntax/pmtr.vim
644 share/vim/vimfiles/ftdetect/pmtr.vim vim/ftdetect/pmtr.vim
644 share/vim/vimfiles/ftplugin/pmtr.vim vim/ftplugin/pmtr.vim
endef

# Nothing but copying, so that it may run as root after a build as somebody else.
install uninstall: export FILES := $(FILES)
install uninstall: export BUILT := $(BUILT)
install uninstall: export DESTDIR := $(DESTDIR)
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export SYSCONFDIR := $(SYSCONFDIR)
install uninstall: export INIT := $(INIT)
install uninstall: export START := $(START)
install uninstall:
	@sh initscripts/install.sh $@

# Each test in a real init system of its own.
check-boxes: build
	@sh tests/boxes/run.sh

# All that takes longer than `make check`, to the end of each, with a table. NIGHTLY="boxes soak" makes only those.
NIGHTLY ?=
nightly: need-cargo
	@MAKE="$(MAKE)" CARGO="$(CARGO)" sh tests/nightly.sh $(NIGHTLY)

# Programs that need nothing else in the root, and the root of an image made of them.
STATIC = $${CARGO_TARGET_DIR:-target}/static

.PHONY: static container-root

static: need-cargo
	CARGO="$(CARGO)" sh packaging/container/static.sh "$(STATIC)"

container-root: static
	@test -n "$(DESTDIR)" || { echo "make container-root: give it DESTDIR=" >&2; exit 1; }
	sh packaging/container/root.sh "$(STATIC)" "$(DESTDIR)"

# Packages, for this machine's own kind of processor. VERSION of the former is by default that of Cargo.toml and -1.
.PHONY: deb rpm
deb: build
	@BUILT="$(RELEASE)" MAKE="$(MAKE)" sh packaging/deb/build.sh $(VERSION)

rpm:
	@sh packaging/rpm/build.sh

# What looks closer than tests do; docs/AUDIT.md tells what came of it. Each says what it needs and how to get that.
.PHONY: coverage miri asan deny

coverage: need-cargo
	CARGO="$(CARGO)" python3 tests/coverage.py $(COVERAGE)

miri: need-cargo
	sh tests/miri.sh $(MIRI)

asan: need-cargo
	sh tests/asan.sh $(ASAN)

deny: need-cargo
	@$(CARGO) deny --version >/dev/null 2>&1 || { \
	echo "make deny: cargo-deny is missing. Try: cargo install cargo-deny --locked" >&2; exit 1; }
	$(CARGO) deny --locked check bans licenses sources

help:
	@echo "make build        build the programs, in target/release"
	@echo "make run          run pmtr with an example; ^C ends it"
	@echo "make check        check format and lints, run all tests"
	@echo "make nightly      run all longer checks below, one after the other; NIGHTLY=\"words\" selects some"
	@echo "make worlds       simulate many random worlds, SEEDS=$(SEEDS)"
	@echo "make soak         10,000 jobs and 1,000 crashes a second for TIME=600 seconds; orphans, races, reloads"
	@echo "make mutants      put mistakes into the code; do the tests notice? MUTANTS='--jobs 2'"
	@echo "make coverage     lines and branches of the pure modules that the quick tests run, COVERAGE=--missing"
	@echo "make miri         run the pure modules under miri, which detects undefined behaviour, MIRI=\"words\""
	@echo "make asan         run the tests of the programs with AddressSanitizer, ASAN=\"words\""
	@echo "make deny         check packages, their licences and their sources"
	@echo "make fuzz         feed random input to every parser, TIME=60 seconds, TARGETS='config machine'"
	@echo "make faults       make system calls fail and resources run out, N=$(N); SHORT=yes takes three minutes"
	@echo "make flood        send a million junk datagrams while jobs die"
	@echo "make prometheus   pass reports through node-exporter into a real Prometheus"
	@echo "make programs     run PostgreSQL, Redis, nginx and Python under pmtr, stop, reload and kill them"
	@echo "make bench        run the benchmarks, about 15 minutes; make bench-short takes fewer samples"
	@echo "make bench-peers  compare with other supervisors; all three write target/bench/*.json"
	@echo "make check-boxes  install, boot, crash and remove under real init systems; needs root"
	@echo "make deb          build a Debian package, in target/debian"
	@echo "make rpm          build an RPM of the last commit, in target/rpm"
	@echo "make install      install into PREFIX=$(PREFIX) and SYSCONFDIR=$(SYSCONFDIR), below DESTDIR;"
	@echo "                  as root, without DESTDIR, also enable and start the service, unless START=no;"
	@echo "                  INIT=\"systemd sysvinit openrc\", or none, selects the init systems"
	@echo "make uninstall    remove it again, with the same variables; the configuration stays"
	@echo "make static       build static programs, in target/static"
	@echo "make container-root  create the root of the container image in DESTDIR"
	@echo "make clean        remove everything that was built"

need-cargo:
	@wanted=$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml); \
	rust="Install Rust $$wanted or later: https://rustup.rs"; \
	command -v $(CARGO) >/dev/null 2>&1 || { echo "make: $(CARGO) is missing. $$rust" >&2; exit 1; }; \
	found=$$($(CARGO) --version | cut -d ' ' -f 2); \
	[ "$$(printf '%s\n' "$$wanted" "$$found" | sort -V | head -n 1)" = "$$wanted" ] || { \
	echo "make: Rust $$found is too old. $$rust" >&2; exit 1; }

need-lints: need-cargo
	@$(CARGO) fmt --version >/dev/null 2>&1 || { \
	echo "make: rustfmt is missing. Try: rustup component add rustfmt" >&2; exit 1; }
	@$(CARGO) clippy --version >/dev/null 2>&1 || { \
	echo "make: clippy is missing. Try: rustup component add clippy" >&2; exit 1; }
