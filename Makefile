# make run     builds pmtr and shows it at work, without root and without touching the system
# make check   everything that must hold before a change is handed in
# make help    the other targets

CARGO ?= cargo
PREFIX ?= /usr/local
DESTDIR ?=
# How many random worlds `make soak` goes through.
PMTR_SIM_SEEDS ?= 100000
# What `make mutants` is told: --jobs N, --every N, or a word of the titles that are meant.
MUTANTS ?=

# Without these some tests are skipped.
TEST_TOOLS = bash mkfifo objdump python3 setsid strace unshare vim

PMTR = $${CARGO_TARGET_DIR:-target}/release/pmtr
PMTR_CTL = $${CARGO_TARGET_DIR:-target}/release/pmtr-ctl

.PHONY: build run check clean soak mutants bench bench-short install uninstall help need-cargo need-lints

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
	$(PMTR) -F -c "$$dir/pmtr.conf"; status=$$?; \
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

soak: need-cargo
	PMTR_SIM_SEEDS=$(PMTR_SIM_SEEDS) $(CARGO) test --locked --test sim

mutants: need-cargo
	sh tests/mutants.sh $(MUTANTS)

bench: need-cargo
	$(CARGO) bench --locked --bench parse
	$(CARGO) bench --locked --bench daemon

bench-short: need-cargo
	$(CARGO) bench --locked --bench parse
	$(CARGO) bench --locked --bench daemon -- --short

# Nothing but copying, so that it may run as root after a build as somebody else.
install:
	@test -x "$(PMTR)" -a -x "$(PMTR_CTL)" || { echo "make install: run make build first, as an ordinary user" >&2; exit 1; }
	mkdir -p "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/doc/pmtr" \
	"$(DESTDIR)$(PREFIX)/share/man/man1" "$(DESTDIR)$(PREFIX)/share/man/man5" "$(DESTDIR)$(PREFIX)/share/man/man8"
	install -m 755 "$(PMTR)" "$(DESTDIR)$(PREFIX)/bin/pmtr"
	install -m 755 "$(PMTR_CTL)" "$(DESTDIR)$(PREFIX)/bin/pmtr-ctl"
	install -m 644 man/pmtr-ctl.1 "$(DESTDIR)$(PREFIX)/share/man/man1/pmtr-ctl.1"
	install -m 644 man/pmtr.conf.5 "$(DESTDIR)$(PREFIX)/share/man/man5/pmtr.conf.5"
	install -m 644 man/pmtr.8 "$(DESTDIR)$(PREFIX)/share/man/man8/pmtr.8"
	install -m 644 pmtr.conf.example "$(DESTDIR)$(PREFIX)/share/doc/pmtr/pmtr.conf.example"

uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/bin/pmtr" "$(DESTDIR)$(PREFIX)/share/man/man8/pmtr.8"
	rm -f "$(DESTDIR)$(PREFIX)/bin/pmtr-ctl" "$(DESTDIR)$(PREFIX)/share/man/man1/pmtr-ctl.1"
	rm -f "$(DESTDIR)$(PREFIX)/share/man/man5/pmtr.conf.5"
	rm -f "$(DESTDIR)$(PREFIX)/share/doc/pmtr/pmtr.conf.example"
	rmdir "$(DESTDIR)$(PREFIX)/share/doc/pmtr" 2>/dev/null || true

help:
	@echo "make build        the programs, in target/release"
	@echo "make run          pmtr at work on an example, ended by ^C"
	@echo "make check        format, lints as errors, all tests"
	@echo "make soak         many random worlds, PMTR_SIM_SEEDS=$(PMTR_SIM_SEEDS)"
	@echo "make mutants      whether the tests notice mistakes that are put in, MUTANTS='--jobs 2'"
	@echo "make bench        measurements, several minutes; make bench-short takes fewer samples"
	@echo "make install      into DESTDIR and PREFIX=$(PREFIX)"
	@echo "make uninstall    the same files away again"
	@echo "make clean        everything that was built away again"

need-cargo:
	@command -v $(CARGO) >/dev/null 2>&1 || { \
	echo "make: $(CARGO) is missing. Install Rust 1.89 or later: https://rustup.rs" >&2; exit 1; }

need-lints: need-cargo
	@$(CARGO) fmt --version >/dev/null 2>&1 || { \
	echo "make: rustfmt is missing. Try: rustup component add rustfmt" >&2; exit 1; }
	@$(CARGO) clippy --version >/dev/null 2>&1 || { \
	echo "make: clippy is missing. Try: rustup component add clippy" >&2; exit 1; }
