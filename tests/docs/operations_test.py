#!/usr/bin/env python3
"""chimerax-sandbox(7) has each reason for which a session ends, and says of troubles only what a program says.

usage: operations_test.py INSTALLED    in the top folder of the sources
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
sys.path.insert(0, str(TOP / "src/man"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import operations  # noqa: E402
from names_test import literals  # noqa: E402
from stack import Tap  # noqa: E402


def reasons_of_program():
    """In the order of the enumeration, from the table that has their texts."""
    return re.findall(r'ReasonRow\{EndReason::\w+, "(\w+)"\}', (TOP / "src/manager/model/state.cpp").read_text())


def check_reasons():
    of_page = [name for name, _ in operations.REASONS]
    of_program = reasons_of_program()
    assert len(of_program) > 10, of_program
    assert of_page == of_program, f"the page has {of_page}, the program {of_program}"


def check_texts():
    for term, text in [*operations.REASONS, *operations.SYMPTOMS]:
        assert len(text) > 20 and text.endswith("."), f"{term}: it says neither what it means nor what to do"


def said(words, sources):
    """Whether one of the sources has all the parts between what differs."""
    parts = [part.strip() for part in words.split("…") if part.strip()]
    return any(all(part in text for part in parts) for text in sources)


def check_symptoms():
    sources = [literals(path.read_text()) for path in (TOP / "src").rglob("*.cpp")]
    assert not said("the launcher cannot be reached, so no session can be maid", sources), "what nobody says is told"
    unknown = [words for words, _ in operations.SYMPTOMS if not said(words, sources)]
    assert not unknown, f"no program says these words: {unknown}"
    assert len(operations.SYMPTOMS) >= 10, len(operations.SYMPTOMS)


def main():
    tap = Tap()
    tap.test("the page has each reason of an end, in the program's order", check_reasons)
    tap.test("each reason and each symptom has its meaning", check_texts)
    tap.test("the words of each symptom are a program's", check_symptoms)
    tap.finish()


if __name__ == "__main__":
    main()
