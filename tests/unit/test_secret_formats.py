"""Every line of the tables of token formats: a token that is made for it is masked, and its near misses are not.

The tokens are made up from the formats when the tests run, so that scanners of repositories do not report them.
"""

import random
import re
import re._constants as codes
import re._parser as parser
import time

import pytest

from assent.masking import mask, mask_text
from assent.secret_formats import FORMATS, VENDOR_VALUES
from tests.thorough import sample

ALPHABET = "aB3dE5gH7jK9mN2pQ4rS6tV8wX0yZcFiLoUzAbCDeGhIkMnOqRsTuvWxY1lJfP"


def made_from(pattern: str, seed: str) -> str:
    """A text that a regular expression matches, with digits and letters where it allows for both."""
    chance = random.Random(seed)
    for _ in range(500):
        text = "".join(_parts(parser.parse(pattern), chance))
        mixed = any(char.isdigit() for char in text) and any(char.isalpha() for char in text)
        if mixed and len(set(text)) > 8 and re.fullmatch(pattern, text):
            return text
    raise AssertionError(f"no text could be made from {pattern}")


def _parts(parsed, chance):
    for code, what in parsed:
        if code is codes.LITERAL:
            yield chr(what)
        elif code is codes.IN:
            yield chance.choice([char for char in ALPHABET + "-_+/=.~%" if _is_in(char, what)])
        elif code in (codes.MAX_REPEAT, codes.POSSESSIVE_REPEAT):
            least, most, inner = what
            for _ in range(least if most == least else chance.randint(least, min(most, least + 3))):
                yield from _parts(inner, chance)
        elif code is codes.SUBPATTERN:
            yield from _parts(what[-1], chance)
        elif code is codes.BRANCH:
            yield from _parts(chance.choice(what[1]), chance)
        else:
            assert code in (codes.ASSERT, codes.ASSERT_NOT), code


def _is_in(char, choices):
    return any(
        choice == ord(char) if kind is codes.LITERAL else choice[0] <= ord(char) <= choice[1]
        for kind, choice in choices
    )


def test_the_tables_have_the_formats_of_many_vendors():
    assert len({known.kind for known in (*FORMATS, *VENDOR_VALUES)}) > 170


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.prefix)
def test_a_token_is_masked_wherever_it_stands(known):
    token = known.prefix + made_from(known.rest, known.prefix)
    for text in (f"Use {token} here.", f'key="{token}"', f"TOKEN={token}\nnext", f"({token})", token):
        masked, secrets = mask({"script": text})
        assert token not in str(masked)
        # A longer format may begin earlier; what is left of the token is no secret any more.
        assert any(secret in token or token in secret for secret in secrets.values())


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.prefix)
def test_what_only_begins_like_a_token_is_not_masked(known):
    text = f"see {known.prefix} and {known.prefix}abc in the manual"
    assert mask_text(text) == text


@pytest.mark.parametrize("known", VENDOR_VALUES, ids=lambda known: known.kind)
@pytest.mark.parametrize("form", ['{}_KEY="{}"', "{}: {}", "export {}_API={} && run", '"{}Auth": "{}"'])
def test_a_value_is_masked_by_the_vendor_in_its_name(known, form):
    for name in known.names:
        value = made_from(known.value, name)
        assert value not in mask_text(form.format(name, value).replace("__", "_").replace("-_", "-"))


@pytest.mark.parametrize("known", VENDOR_VALUES, ids=lambda known: known.kind)
def test_the_same_value_stays_readable_where_it_tells_things_apart(known):
    value = made_from(known.value, known.kind)
    for text in (f"{known.names[0]}_release_id: {value}", f"the {known.names[0]} of {value}"):
        # Some values are tokens by their own form, under whatever name.
        assert value in mask_text(text) or value not in mask_text(f"see {value}")


PIECES = sorted({known.prefix for known in FORMATS} | {f"{name}=" for known in VENDOR_VALUES for name in known.names})


LETTERS = 20_000


@pytest.mark.parametrize("start", sample(range(0, len(PIECES), 20)))
def test_the_work_grows_no_faster_than_the_text(start):
    """A quadratic pattern would take seconds of the processor for each of these, a linear one some milliseconds."""
    for piece in PIECES[start : start + 20]:
        for text in (piece, f"{piece}a1", f"{piece}aB3dE5gH7j.", f"x {piece}"):
            began = time.thread_time()
            mask((text * (LETTERS // len(text) + 1))[:LETTERS])
            assert time.thread_time() - began < 1, text
