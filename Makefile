# make run     builds pmtr and shows it at work, without root and without touching the system
# make check   everything that must hold before a change is handed in
# make help    the other targets

CARGO ?= cargo
PREFIX ?= /usr
SYSCONFDIR ?= /etc
DESTDIR ?=
# For which init systems: systemd, sysvinit, openrc, several of these, or none; what the machine has when empty.
INIT ?=
# Whether a service is enabled and started, or restarted, by root on a live system.
START ?= yes
# How many random worlds `make worlds` goes through.
SEEDS ?= 100000
# Up to which failure of each call `make faults` goes, and whether it leaves most of them out.
N ?= 10
SHORT ?=
# What `make mutants` is told: --jobs N, --every N, or a word of the titles that are meant.
MUTANTS ?=
# What `make coverage`, `make miri` and `make asan` are told: --missing; words of the tests that are meant.
COVERAGE ?=
MIRI ?=
ASAN ?=

# Without these some tests are skipped.
TEST_TOOLS = bash ip mkfifo nft objdump python3 setsid strace unshare vim

RELEASE = $${CARGO_TARGET_DIR:-target}/release
BUILT = $(or $(CARGO_TARGET_DIR),target)/release
PROGRAMS = pmtr pmtr-ctl pmtr-rptserver
PAGES = pmtr-ctl.1 pmtr.conf.5 pmtr-container.7 pmtr-fleet.7 pmtr.8 pmtr-rptserver.8

.PHONY: build run check clean worlds soak mutants faults flood prometheus bench bench-short bench-peers check-boxes nightly install uninstall help need-cargo need-lints

build: need-cargo
	$(CARGO) build --release --locked

# Both this shell and pmtr get the ^C: pmtr ends its jobs, and the shell waits for it to tidy up.
run: build
	@dir=$$(mktemp -d "$${TMPDIR:-/tmp}/pmtr-run.XXXXXX") || exit 1; \
	trap : INT TERM; \
	cp examples/tour.conf "$$dir/pmtr.conf"; \
	echo; \
	echo "pmtr runs in the foreground. Its file, which you may edit in another terminal, is"; \
	echo; \
	echo "    $$dir/pmtr.conf"; \
	echo; \
	echo "Saving it applies it: change a command, remove a job, add one, make a mistake."; \
	echo "Or kill a job by the number in brackets. ^C ends pmtr and its jobs."; \
	echo; \
	$(RELEASE)/pmtr -F -c "$$dir/pmtr.conf" --state "$$dir/state"; status=$$?; \
	rm -rf "$$dir"; \
	exit $$status

check: need-lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	$(CARGO) test --locked
# The child of a spawn is looked at in the machine code, which is that of a release only without these.
	$(CARGO) test --locked --config profile.test.debug-assertions=false --lib sys::
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
	sh tests/mutants.sh $(MUTANTS)

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
	@echo "make build        the programs, in target/release"
	@echo "make run          pmtr at work on an example, ended by ^C"
	@echo "make check        format, lints as errors, all tests"
	@echo "make nightly      all of the following that checks something, one after the other; NIGHTLY=\"words\""
	@echo "make worlds       many random worlds, SEEDS=$(SEEDS)"
	@echo "make soak         10,000 jobs, 1,000 crashes a second for TIME=600 seconds; orphans, races, reloads"
	@echo "make mutants      whether the tests notice mistakes that are put in, MUTANTS='--jobs 2'"
	@echo "make coverage     which lines and branches of the pure modules the quick tests run, COVERAGE=--missing"
	@echo "make miri         the pure modules in an interpreter that knows undefined behaviour, MIRI=\"words\""
	@echo "make asan         all tests of the programs with each access to memory checked, ASAN=\"words\""
	@echo "make deny         packages, their licences and where they come from"
	@echo "make fuzz         made-up inputs for all that reads, TIME=60 seconds of them, TARGETS='config machine'"
	@echo "make faults       what fails for once or is gone for a minute, N=$(N); SHORT=yes in three minutes"
	@echo "make flood        a million datagrams of rubbish while jobs die"
	@echo "make prometheus   reports through node-exporter into a real Prometheus"
	@echo "make deb          a Debian package, in target/debian"
	@echo "make rpm          an RPM of what is committed, in target/rpm"
	@echo "make bench        measurements, several minutes; make bench-short takes fewer samples"
	@echo "make bench-peers  the daemon beside other supervisors; all three write target/bench/*.json"
	@echo "make check-boxes  installed, booted, crashed and removed under real init systems; needs root"
	@echo "make install      what was built, into PREFIX=$(PREFIX) and SYSCONFDIR=$(SYSCONFDIR), all below DESTDIR;"
	@echo "                  as root, without DESTDIR, also enables and starts the service, START=no does not;"
	@echo "                  INIT=\"systemd sysvinit openrc\", or none, says for which init systems"
	@echo "make uninstall    the same away again, but the configuration; with the same variables"
	@echo "make static       programs without a need for a C library, in target/static"
	@echo "make container-root  the root of an image that has pmtr only, into DESTDIR"
	@echo "make clean        everything that was built away again"

need-cargo:
	@command -v $(CARGO) >/dev/null 2>&1 || { \
	echo "make: $(CARGO) is missing. Install Rust 1.89 or later: https://rustup.rs" >&2; exit 1; }

need-lints: need-cargo
	@$(CARGO) fmt --version >/dev/null 2>&1 || { \
	echo "make: rustfmt is missing. Try: rustup component add rustfmt" >&2; exit 1; }
	@$(CARGO) clippy --version >/dev/null 2>&1 || { \
	echo "make: clippy is missing. Try: rustup component add clippy" >&2; exit 1; }
