"""What the shipped adapter answers, from a store of a few facts of several kinds: whole sentences, as people get them.

Each is told with much certainty, so that no width of numbers or processor changes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

import kvdb
from kvdb_sdk import Answer, KnowledgeModel, load_encoder

FACTS = """
Marie Curie | born in | Warsaw
Marie Curie | date of birth | 7 November 1867
Marie Curie | date of death | 4 July 1934
Marie Curie | spouse | Pierre Curie
Marie Curie | award received | Nobel Prize in Physics
Marie Curie | award received | Nobel Prize in Chemistry
Pierre Curie | born in | Paris
Pierre Curie | date of birth | 15 May 1859
Pierre Curie | cause of death | road accident
Warsaw | capital of | Poland
Warsaw | population | 1,863,056
Paris | country | France
Paris | population | 2,102,650
Lisbon | country | Portugal
Portugal | currency | euro
Poland | currency | z\u0142oty
Northwind Traders | ceo | Dana Fuller
Northwind Traders | headquarters | Seattle, Wash.
Northwind Traders | phone number | +1 206 555 0134
Northwind Traders | acquired | Contoso Ltd.
Northwind Traders | founded in | 1998
Contoso Ltd. | founded in | 2005
Contoso Ltd. | ceo | Omar Haddad
Fuller House Products | founded in | 1987
Dana Fuller | reports to | Elena Ruiz
Dana Fuller | email | dana.fuller@northwind.example
Elena Ruiz | lives in | Lisbon
X200 Drill | price | 129.99 EUR
X200 Drill | weight | 1.8 kg
X200 Drill | made by | Northwind Traders
X300 Drill | price | 179.00 EUR
X300 Drill | made by | Northwind Traders
Hamlet | written by | William Shakespeare
Macbeth | written by | William Shakespeare
William Shakespeare | number of children | 3
Aspirin | treats | headache
Aspirin | must not be given to | children under 12
"""
CURIES = "The date of birth of Marie Curie is 7 November 1867. The date of birth of Pierre Curie is 15 May 1859."
UNKNOWN = "I do not know."

ONE_FACT = {
    "When did Marie Curie die?": "The date of death of Marie Curie is 4 July 1934.",
    "how heavy is the x200 drill": "The weight of X200 Drill is 1.8 kg.",
    "Where is Northwind Traders based?": "The headquarters of Northwind Traders is Seattle, Wash.",
    "I'd like to know what the CEO of Contoso Ltd. is.": "The ceo of Contoso Ltd. is Omar Haddad.",
    "What awards did Marie Curie receive?": (
        "The award received by Marie Curie is Nobel Prize in Physics and Nobel Prize in Chemistry."
    ),
}
FROM_THE_OTHER_END = {
    "What is the capital of Poland?": "The capital of Poland is Warsaw.",
    "what is the capital of poland": "The capital of Poland is Warsaw.",
    "Who acquired Contoso Ltd.?": "Northwind Traders acquired Contoso Ltd.",
    "What did William Shakespeare write?": "The written work of William Shakespeare is Hamlet and Macbeth.",
    "Which products does Northwind Traders make?": "The product of Northwind Traders is X200 Drill and X300 Drill.",
    "Who was Pierre Curie married to?": "The spouse of Pierre Curie is Marie Curie.",
    "Who reports to Elena Ruiz?": "Dana Fuller reports to Elena Ruiz.",
}
BY_A_PART_OF_THE_NAME = {
    "How many children did Shakespeare have?": "The number of children of William Shakespeare is 3.",
    "who's the ceo of northwind?": "The ceo of Northwind Traders is Dana Fuller.",
    "When was Curie born?": UNKNOWN,  # which?
}
IN_STEPS = {
    "Was Marie Curie born in Warsaw?": "Yes. The place of birth of Marie Curie is Warsaw.",
    "Is the number of children of William Shakespeare 3?": "Yes. The number of children of William Shakespeare is 3.",
    "Is Warsaw the capital of Poland?": "Yes. The capital of Poland is Warsaw.",
    "Is Paris the capital of Poland?": "No. The capital of Poland is Warsaw.",
    "Was Marie Curie born in Paris?": "No. The place of birth of Marie Curie is Warsaw.",
    "Was Hamlet written by William Shakespeare?": "Yes. The author of Hamlet is William Shakespeare.",
    "Can I give Aspirin to children under 12?": "No. Aspirin must not be given to children under 12.",
    "Did Marie Curie win the Nobel Prize in Physics?": (
        "Yes. The award received by Marie Curie is Nobel Prize in Physics and Nobel Prize in Chemistry."
    ),
    "Who was born first, Marie Curie or Pierre Curie?": f"Pierre Curie. {CURIES}",
    "Which city is bigger, Paris or Warsaw?": (
        "Paris. The population of Paris is 2,102,650. The population of Warsaw is 1,863,056."
    ),
    "Which company is older, Contoso Ltd. or Fuller House Products?": (
        "Fuller House Products. The year of foundation of Contoso Ltd. is 2005. "
        "The year of foundation of Fuller House Products is 1987."
    ),
    "What is the weight of the X200 Drill and its price?": (
        "The weight of X200 Drill is 1.8 kg. The price of X200 Drill is 129.99 EUR."
    ),
    "Who is the CEO of the company that makes the X200 Drill?": (
        "The maker of X200 Drill is Northwind Traders. The ceo of Northwind Traders is Dana Fuller."
    ),
    "What is the currency of the country that Lisbon lies in?": (
        "The country of Lisbon is Portugal. The currency of Portugal is euro."
    ),
}
NOT_KNOWN = [
    "What is the cause of death of Marie Curie?",
    "What is Dana Fuller's phone number?",
    "What is the population of Poland?",
    "What is the capital of France?",
    "Who acquired Northwind Traders?",
    "Is the X200 Drill waterproof?",
    "Who is the deputy CEO of Contoso Ltd.?",
    "Who wrote Hamlet 2?",
]
EXPECTED = {**ONE_FACT, **FROM_THE_OTHER_END, **BY_A_PART_OF_THE_NAME, **IN_STEPS, **dict.fromkeys(NOT_KNOWN, UNKNOWN)}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Answer]]:
    path = tmp_path_factory.mktemp("answers") / "world.kvdb"
    encoder = load_encoder()
    with kvdb.open(path, create=True) as store:
        store.bind_encoder(encoder.record)
        store.insert([tuple(line.split(" | ")) for line in FACTS.strip().splitlines()], encoder)
        model = KnowledgeModel.from_pretrained("smollm2-135m", store, encoder=encoder)
        asked = list(EXPECTED)
        parts = [asked[at : at + 8] for at in range(0, len(asked), 8)]
        told = [answer for part in parts for answer in model.ask_many(part, max_new_tokens=48)]
        yield dict(zip(asked, told, strict=True))


@pytest.mark.parametrize("question", EXPECTED)
def test_an_answer(answers: Mapping[str, Answer], question: str) -> None:
    answer = answers[question]
    assert answer.text == EXPECTED[question]
    assert answer.answered is (answer.text != UNKNOWN)
    assert bool(answer.citations) is answer.answered
    cited = {citation.id: citation for citation in answer.citations}
    for span in answer.spans:
        citation = cited.get(span.id)
        if citation is not None:
            assert answer.text[span.start : span.end] in (citation.head, citation.tail)


def test_a_part_of_a_name_is_told_as_it_was_understood(answers: Mapping[str, Answer]) -> None:
    answer = answers["who's the ceo of northwind?"]
    assert answer.stats["asked"] == "who's the ceo of Northwind Traders?"
