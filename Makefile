# The commands of Hearthline; README.md explains them.
.POSIX:
.SUFFIXES:
.PHONY: install lint format check test demo demo-reset bench lock browser

VENV = .venv
BIN = $(VENV)/bin
PY = $(BIN)/python
PORT = 8000
WORKERS = 1
ALL =
ONLY =
CODE = config leads scoring churn matching workflows buyers sellers tests manage.py
INSTALLED = $(VENV)/.installed
ASSETS = staticfiles/.built

# $(PY) of the right version, and every requirement by its hash; skipped while the lock is unchanged. The lock names all of
# them, so pip resolves nothing: left to resolve, it trips over extras once one of them has a newer release than the lock
$(INSTALLED): requirements-lock.txt
	@if ! $(PY) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then \
		found=; \
		for candidate in python3.11 python3.12 python3; do \
			if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then \
				found=$$candidate; break; \
			fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo 'Hearthline needs Python 3.11 or 3.12 and found neither: install one, for example with `apt install python3 python3-venv`.' >&2; exit 1; \
		fi; \
		if ! $$found -c 'import venv, ensurepip' 2>/dev/null; then \
			echo "$$found has no venv module: run \`apt install python3-venv\` as root, then try again." >&2; exit 1; \
		fi; \
		rm -rf $(VENV); \
		echo "making $(VENV) with $$($$found --version)"; \
		$$found -m venv $(VENV) || exit 1; \
	fi
	@echo 'installing the requirements, some 250 MB and a minute or two the first time'
	@$(PY) -m pip install --quiet --no-compile --disable-pip-version-check --no-input --no-deps --require-hashes -r requirements-lock.txt || \
		{ echo 'The requirements could not be installed: look at the error above, check the network, and try again.' >&2; exit 1; }
	@touch $@

# Styles, scripts and fonts, built and hashed; skipped while their sources are unchanged
$(ASSETS): $(INSTALLED) config/static templates FORCE
	@if [ ! -e $@ ] || [ -n "$$(find config/static templates leads scoring config/storage.py config/static_app.py $(INSTALLED) \
			-newer $@ -type f ! -name '*.pyc' -print -quit 2>/dev/null)" ]; then \
		echo 'building the assets'; \
		rm -rf staticfiles && $(PY) manage.py build_assets && \
		$(PY) manage.py collectstatic --no-input --verbosity 0 && touch $@; \
	fi

FORCE:

install: $(INSTALLED) $(ASSETS)

demo: install
	@exec $(PY) manage.py up --demo --port $(PORT) --workers $(WORKERS)

demo-reset: install
	@exec $(PY) manage.py up --demo --reset --port $(PORT) --workers $(WORKERS)

lint: install
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates
	LOG_LEVEL=CRITICAL $(PY) -W ignore manage.py makemigrations --check --dry-run

format: install
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

check: lint
	$(PY) manage.py check --deploy --fail-level ERROR

browser:
	@if command -v chromium chromium-browser google-chrome >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo 'installing Chromium for the browser tests'; \
		(apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium) \
			>/dev/null 2>&1 </dev/null || echo 'Chromium could not be installed: the browser tests will be skipped.'; \
	else \
		echo 'No Chromium on the PATH (`apt install chromium` as root brings one): the browser tests will be skipped.'; \
	fi

test: lint browser
	@mkdir -p var/coverage
	$(PY) -m pytest --cov --cov-report=term --cov-fail-under=95 $(if $(ALL),,-m 'not slow')

bench: install
	@$(PY) -m tests.bench $(ONLY)

lock:
	uv pip compile --python-platform linux --python-version 3.11.2 --generate-hashes --no-header \
		requirements.txt -o requirements-lock.txt
