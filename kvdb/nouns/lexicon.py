"""What the rules of `kvdb.nouns` cannot derive: phrases with a noun of their own, irregular agents, common
verbs.

Phrases are written as `kvdb.nouns.words.core` leaves them: lower case, without a leading "is", "was", "has
been" and without articles. Each gives (tail noun, head noun).
"""

from __future__ import annotations

from kvdb.nouns.people import PEOPLE_AND_WORKS
from kvdb.nouns.things import THINGS

FIXED: dict[str, tuple[str, str]] = {
    phrase: (tail, head)
    for table in (PEOPLE_AND_WORKS, THINGS)
    for phrase, tail, head in (line.split("|") for line in table.strip().splitlines())
}

# Nouns whose relation reads the same both ways: "A is a synonym of B".
_SYMMETRIC = """
synonym antonym opposite enantiomer tautomer isomer stereoisomer homolog homologue ortholog paralog
sibling twin spouse partner cousin friend colleague neighbour neighbor rival competitor equivalent
counterpart relative cognate classmate teammate ally analogue analog duplicate
"""
SYMMETRIC = frozenset(_SYMMETRIC.split())

# "X of the Y": Y only says what sort of thing the head is, so the sentence is better without it.
_TYPE_NOUNS = """
airport company drug organisation organization book district city country person film movie song album
team language game player author town village region state river mountain lake island building bridge
station school university hospital museum product device gene protein disease species element compound
patient customer employee artist painting work event award club stadium railway road ship aircraft
vehicle software website newspaper magazine journal article paper project programme program planet
star galaxy
"""
TYPE_NOUNS = frozenset(_TYPE_NOUNS.split())

# Nouns too thin to stand alone: "status of the language" is "language status", not "status".
THIN_NOUNS = frozenset({"status", "type", "scope", "kind", "class", "category", "level", "rank", "sort", "form"})

IRREGULAR_AGENTS = {
    "read": "reader", "written": "author", "wrote": "author", "write": "author", "built": "builder", "made": "maker",
    "led": "leader", "taught": "teacher", "sold": "seller", "bought": "buyer", "won": "winner",
    "held": "holder", "run": "operator", "sung": "singer", "drawn": "illustrator", "spoken": "speaker",
    "given": "giver", "taken": "taker", "known": "knower", "shown": "presenter", "driven": "driver",
    "flown": "pilot", "grown": "grower", "found": "finder", "kept": "keeper", "sent": "sender",
    "paid": "payer", "chosen": "chooser", "fought": "fighter", "thrown": "thrower", "worn": "wearer",
    "told": "teller", "bred": "breeder", "fed": "feeder", "set": "setter", "cut": "cutter",
    "beaten": "victor", "describe": "describer", "govern": "governor", "governed": "governor",
    "conquer": "conqueror", "sail": "sailor", "conquered": "conqueror", "manage": "manager",
    "study": "student", "studied": "student", "cook": "cook", "cooked": "cook", "guide": "guide",
    "guided": "guide", "host": "host", "hosted": "host", "chair": "chair", "chaired": "chair",
    "head": "head", "sponsored": "sponsor", "sponsor": "sponsor", "inhabit": "inhabitant",
    "inhabited": "inhabitant", "occupy": "occupant", "occupied": "occupant", "represent": "representative",
    "represented": "representative", "coach": "coach", "coached": "coach", "treated": "treatment",
    "architected": "architect", "patronised": "patron", "crewed": "crew", "staffed": "staff",
    "influence": "influence", "inherited": "heir", "inherit": "heir", "assist": "assistant",
    "assisted": "assistant", "defended": "defender", "applied": "applicant", "participate": "participant",
    "participated": "participant", "attend": "attendee", "accompanied": "accompanist",
    "approve": "approving body", "approved": "approving body", "offered": "provider",
    "regulated": "regulator", "accredited": "accrediting body", "recorded": "recording artist",
    "licensed": "licensor", "affiliated": "affiliate", "bound": "binding partner",
    "encoded": "encoding gene", "activated": "activator",
}  # fmt: skip

# -or instead of -er where the verb ends so; -ate and -ct verbs take it by rule ("regulator", "director").
_OR_VERBS = """
edit invent govern conquer sail visit possess process profess counsel supervise survive invest
compress suppress inhibit exhibit sponsor translocate contribute distribute execute
"""
OR_VERBS = frozenset(_OR_VERBS.split())

# Verbs that relations are made of: tells "causes" and "regulates" from plural nouns such as "products".
_VERBS = """
accept accompany achieve acquire act activate address affect aggravate allow approve attack attend
authorise award bear beat belong bind block border break bring broadcast build buy carry cause
celebrate chair cite coach collect come command compete complete complicate compose comprise conduct
connect conquer consist consume contain contribute control convert convey cost cover create cure date
defeat defend define denote depend depict derive describe design desire destroy detect determine
develop diagnose differ direct discover discuss display distribute divide eat edit educate elect
employ enable encode encompass end endorse enter entail equal establish exclude execute exhibit exist
explain export express face feature feed fight finance flow fly follow form found fund generate give
govern graduate grow guide have head help hold host hunt identify illustrate implement import improve
include increase indicate induce influence inhabit inherit inhibit inspire interact introduce invade
invent invest involve issue join keep kill know launch lead learn leave license lie like link live
locate love maintain make manage manufacture marry match mean measure meet mention metabolise
metabolize modify motivate need negate occupy occur offer open operate oppose orbit organise organize
originate overlap own participate pass perform pertain play possess precede predict prefer prescribe
present prevent process produce promote propose protect prove provide publish reach receive record
reduce refer reflect regulate relate release replace report represent require reside result reveal
review rule satisfy say seek sell send serve share show sign speak specialise specialize specify
sponsor star start state stimulate study succeed suffer suggest supervise supply support surround
synthesise synthesize take target teach tell throw train transcribe translate transport treat trigger
undergo use utilise utilize visit want wear win work worship write
"""
VERBS = frozenset(_VERBS.split())

IRREGULAR_PARTICIPLES = {
    "written": "writing", "built": "building", "made": "making", "led": "leading", "taught": "teaching",
    "sold": "selling", "bought": "buying", "won": "winning", "held": "holding", "run": "running",
    "sung": "singing", "drawn": "drawing", "spoken": "speaking", "given": "giving", "taken": "taking",
    "known": "knowing", "shown": "showing", "driven": "driving", "flown": "flying", "grown": "growing",
    "found": "finding", "kept": "keeping", "sent": "sending", "paid": "paying", "chosen": "choosing",
    "fought": "fighting", "thrown": "throwing", "worn": "wearing", "told": "telling", "bred": "breeding",
    "fed": "feeding", "set": "setting", "cut": "cutting", "beaten": "beating", "born": "birth",
    "held ": "holding", "seen": "seeing", "bound": "binding", "understood": "understanding",
    "meant": "meaning", "caught": "catching", "lost": "losing", "left": "leaving", "met": "meeting",
    "put": "putting", "read": "reading", "spent": "spending", "stood": "standing", "wrote": "writing",
    "became": "becoming", "began": "beginning", "begun": "beginning", "broken": "breaking",
    "eaten": "eating",
}  # fmt: skip

_ACRONYMS = """
ID IDS URL URI ISO ISBN ISSN FIPS ICAO IATA UN EU USA US UK DNA RNA GDP CEO CFO CTO DOI IMDB USB PCI
API IP HTTP XML JSON SMILES IUPAC CAS NCBI MESH ICD UTC GPS TV DVD CD NATO FIFA UEFA NBA NFL ISIN SEC
ORCID VIAF
"""
ACRONYMS = frozenset(_ACRONYMS.split())
