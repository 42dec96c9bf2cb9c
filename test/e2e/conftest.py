# SPDX-License-Identifier: Apache-2.0
"""One Site a test; after a failure the programs' logs are shown and the directory stays."""
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


@pytest.fixture
def folder(request):
    """A directory that is kept only when the test fails. Short: unix sockets have 108 bytes."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="seyir-e2e-"))
    yield path
    report = getattr(request.node, "report_call", None)
    if report is not None and report.passed:
        shutil.rmtree(path, ignore_errors=True)
    else:
        print(f"kept: {path}")


@pytest.fixture
def site(folder, request):
    site = harness.Site(folder)
    yield site
    report = getattr(request.node, "report_call", None)
    site.close()
    reports = site.sanitizer_reports()
    if report is None or not report.passed or reports:
        for process in site.processes:
            print(f"--- the end of {process.log}\n{process.log_text()[-5000:]}")
    assert not reports, "\n".join(reports[:10])
