# Everything a developer runs. Each target sets up what it needs by itself on Debian and Ubuntu,
# as root, with nothing but python3 and make; what is expensive to make is cached outside the tree.

PREFIX ?= /usr
# Where cloud-init's Python looks: Debian's directory serves every version of Python.
PYTHONDIR ?= $(shell if [ -d /usr/lib/python3/dist-packages ]; then echo '$(PREFIX)/lib/python3/dist-packages'; \
    else python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; fi)
DESTDIR ?=

SETUP := python3 -m tests.tools.setup
VENV = $(shell python3 -c 'from tests.tools.python import venv_dir; print(venv_dir())')
PYTHON := $(VENV)/bin/python
PYTEST := $(PYTHON) -m pytest --quiet -p no:cacheprovider
# cloud-init is on no package index: the unit tests take it out of a guest. All versions of it are
# met in the guests.
CLOUDINIT = PYTHONPATH=$(shell python3 -c 'from tests.tools.rootfs import cloudinit_path as path; print(path("trixie"))')

.PHONY: help setup test lint types unit-test sandbox-test differential-test boot-test bench demo install deb

help:
	@echo 'make demo               provision a throw-away guest from an emulated Hyper-V host'
	@echo 'make test               everything that is checked before a change goes in'
	@echo 'make lint types         ruff; mypy'
	@echo 'make unit-test          the unit tests, with this machine'\''s Python'
	@echo 'make sandbox-test       real cloud-init 22.4, 25.1 and 26.2 in throw-away guests'
	@echo 'make differential-test  random Ignition configs: what Ignition leaves and what we leave; COUNT=40 SEED='
	@echo 'make boot-test          real boots in QEMU; BOOT="trixie both-payloads" for one'
	@echo 'make bench              how long things take'
	@echo 'make deb                a Debian package, in dist/'
	@echo 'make install            into DESTDIR=, with PREFIX=/usr and PYTHONDIR=, a directory where cloud-init'\''s Python looks'

setup:
	@$(SETUP)

test: setup lint types
	@$(CLOUDINIT) $(PYTEST) --numprocesses=auto --dist=worksteal tests/unit tests/sandbox tests/differential

lint: setup
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --quiet --check .
	@$(VENV)/bin/vermin --quiet --no-tips --target=3.9- --violations datasource_hyperv_kvp

types: setup
	@$(PYTHON) -m mypy --no-error-summary

unit-test: setup
	@$(CLOUDINIT) $(PYTEST) --numprocesses=auto --dist=worksteal tests/unit

sandbox-test: setup
	@$(PYTEST) --numprocesses=auto --dist=worksteal tests/sandbox

COUNT ?= 40
differential-test: setup
	@$(PYTEST) tests/differential
	@$(PYTHON) -m tests.differential --count $(COUNT) $(if $(SEED),--seed $(SEED))

boot-test: setup
	@$(PYTHON) -m tests.boot $(BOOT)

bench: setup
	@$(PYTHON) -m tests.bench

demo:
	@$(SETUP) packages venv rootfs:trixie
	@$(PYTHON) -m tests.sandbox.demo

deb: setup
	@packaging/build-deb

# The one way by which files get into a guest, for packages, images and the tests alike. The paths
# in conf.d/ are those below the root.
install:
	@mkdir -p '$(DESTDIR)$(PYTHONDIR)' '$(DESTDIR)$(PREFIX)/bin'
	@find datasource_hyperv_kvp \( -name __pycache__ -o -name '.*' \) -prune -o -type f -print | while read -r file; do \
	    install -D -m 644 "$$file" "$(DESTDIR)$(PYTHONDIR)/$$file" || exit 1; done
# With a configuration that names a datasource which cannot be imported, cloud-init makes no user.
	@[ -n '$(DESTDIR)' ] || (cd / && /usr/bin/python3 -c 'import cloudinit, datasource_hyperv_kvp') || \
	    { echo '/usr/bin/python3 finds no cloudinit, or no datasource_hyperv_kvp in $(PYTHONDIR): set PYTHONDIR=' >&2; exit 1; }
	@find conf.d -type f -printf '%P\n' | while read -r file; do \
	    mode=644; [ ! -x "conf.d/$$file" ] || mode=755; \
	    install -D -m $$mode "conf.d/$$file" "$(DESTDIR)/$$file" || exit 1; done
	@printf '%s\n' '#!/usr/bin/python3' 'import sys' 'from datasource_hyperv_kvp.cli import main' \
	    'sys.exit(main())' > '$(DESTDIR)$(PREFIX)/bin/hyperv-kvp'
	@chmod 755 '$(DESTDIR)$(PREFIX)/bin/hyperv-kvp'
