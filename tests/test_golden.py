"""Every document has the bytes that it had: a move, a rename, another cut of the code changes none of them.

`GOLDEN=write` writes the set anew, when documents are meant to change; look at them then.
"""

import json
import os
from pathlib import Path

import pytest

from tests import golden_story
from tests.builders import EACH_LANGUAGE


@pytest.mark.parametrize("locale", EACH_LANGUAGE)
def test_every_document_has_the_bytes_that_it_had(tmp_path: Path, locale: str) -> None:
    path = golden_story.DIGESTS / f"{locale}.json"
    found = golden_story.digests(golden_story.play(tmp_path, locale))
    if os.environ.get("GOLDEN") == "write":
        told = {"versions": golden_story.versions(), "documents": found}
        path.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    golden = json.loads(path.read_text(encoding="utf-8"))
    if golden["versions"] != golden_story.versions():
        pytest.skip("other versions of the libraries that write documents")
    assert found.keys() == golden["documents"].keys()
    different = {
        kind: sorted(set(found[kind].items()) ^ set(golden["documents"][kind].items()))
        for kind in found
        if found[kind] != golden["documents"][kind]
    }
    assert different == {}
