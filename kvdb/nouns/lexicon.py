"""What the rules of `kvdb.nouns` cannot derive: phrases with a noun of their own, irregular agents, common
verbs.

Phrases are written as `kvdb.nouns.words.core` leaves them: lower case, without a leading "is", "was", "has
been" and without articles. Each gives (tail noun, head noun).
"""

from __future__ import annotations

from importlib import resources

from kvdb.nouns.people import PEOPLE_AND_WORKS
from kvdb.nouns.things import THINGS


def _words_of(file: str) -> frozenset[str]:
    text = resources.files("kvdb.nouns").joinpath(file).read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


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
accuse acquire admire advise announce approve attack attend bear betray bind block break broadcast
build buy calculate carry carve certify chair coach collaborate collect command compile compose
conduct connect conquer consume contain contribute convert create defend deliver describe design
destroy detect develop direct discover distribute divide edit educate elect employ emulate enable
encode endorse enforce establish evaluate execute exhibit export facilitate feed fight finance fly
follow form found fund generate give govern grow guide head help hold host hunt identify illustrate
implement import indicate influence inform inhabit inherit inhibit initiate inspect install instruct
integrate interpret introduce invade invent invest issue join keep kill launch lead learn love
maintain make manage manufacture merge modify motivate narrate negotiate nominate occupy open
operate organise organize originate oversee own oxidize participate perform play pollinate possess
predict prescribe present preserve process produce promote propose protect provide publish pursue
react rebuild receive record reduce refine reflect regulate relieve report represent restore retain
review rule scavenge seek sell send serve settle sharpen show sign simulate solve speak sponsor
stabilize start stimulate study suffer supervise supply support synthesize take tame teach tell
terminate throw tighten train transcribe translate transport undertake use validate verify violate
visit waive wear work worship write
"""
COMMON_VERBS = frozenset(_VERBS.split())  # whoever does it has a name that people use
VERBS = COMMON_VERBS | _words_of("verbs.txt")
MAYBE_VERBS = VERBS | _words_of("verbs_or_nouns.txt")

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
    "eaten": "eating", "spun": "spinning", "woven": "weaving", "torn": "tearing", "stolen": "stealing",
    "hidden": "hiding", "frozen": "freezing", "laid": "laying", "dealt": "dealing", "forbidden": "forbidding",
    "sewn": "sewing", "sown": "sowing", "struck": "striking", "hung": "hanging", "slain": "slaying",
    "blown": "blowing", "carven": "carving", "forgotten": "forgetting", "forgiven": "forgiving",
    "overrun": "overrunning", "overseen": "overseeing", "overtaken": "overtaking", "overthrown": "overthrowing",
    "overridden": "overriding", "rewritten": "rewriting", "rebuilt": "rebuilding", "resold": "reselling",
    "ridden": "riding", "shaken": "shaking", "shot": "shooting", "shut": "shutting", "strung": "stringing",
    "sunk": "sinking", "sworn": "swearing", "trodden": "treading", "undergone": "undergoing",
    "undertaken": "undertaking", "underwritten": "underwriting", "undone": "undoing", "upheld": "upholding",
    "withdrawn": "withdrawing", "rung": "ringing", "withheld": "withholding", "wound": "winding", "wrought": "working",
    "lit": "lighting", "bent": "bending", "felt": "feeling", "heard": "hearing", "hurt": "hurting",
    "lent": "lending", "swept": "sweeping", "slung": "slinging", "ground": "grinding", "fled": "fleeing",
}  # fmt: skip

# Past tenses without an object: "merged into" is no "is merged into".
_ACTIVE = """
abstained acceded acted agreed aligned amounted apologised apologized appealed appeared applied argued arrived aspired
bargained became began belonged benefited bled bloomed blossomed boasted boiled borrowed bought bowed breathed burst
came campaigned ceased chatted clashed climbed coexisted coincided collaborated collapsed collided commented commuted
competed complained complied conformed consented conspired consulted contrasted contributed converged conversed
converted coped correlated corresponded crashed crawled cried danced dated dealt debuted declined defected departed
depended descended deteriorated died differed dined disagreed disappeared dissented dived diverged dwelt eloped
emanated emerged emigrated enlisted erupted escaped evolved excelled existed expanded expired faded failed fared fell
feuded filed fled flirted floated flourished flowed focused focussed fought fraternised frowned gambled gathered gazed
glowed graduated grew grieved guessed happened harmonised hesitated hinted hoped hurried immigrated improvised
inherited inquired insisted interacted interfered intermarried intervened invested joined journeyed jumped knelt
lagged landed lapsed lasted laughed leaked leaned leapt learned lectured lied lingered listened lived lobbied longed
looked mattered meddled merged migrated mingled moaned mourned moved murmured nodded objected occurred opted orbited
originated overlapped pandered parted participated partnered peaked performed perished persisted pertained played
pleaded plotted prayed preached presided prevailed proceeded profited progressed prospered protested protruded
qualified quarreled quarrelled quit railed rallied ran ranged ranked reacted rebelled received recurred refrained
regressed reigned relapsed relented relied remained repented reported resembled resided resigned resorted responded
rested resulted resurfaced retired retreated returned reverted revolved roamed rose rotated sailed sang sat seceded
served settled shone shrank sided sighed sinned skied slept slid smiled smoked snowed soared specialised specialized
speculated spoke sprinted squabbled staggered starred stayed stemmed stepped strayed streamed strived struggled
studied succeeded suffered surfaced surged surrendered survived swam swore sympathised sympathized talked tended
testified thrived toiled totalled toured transitioned traveled travelled trended trespassed triumphed trudged tumbled
turned vanished ventured vied voted waited walked wandered warned went wept wintered wished withdrew wondered worked
wrote yearned yielded
"""
ACTIVE = frozenset(_ACTIVE.split())

_PASTS = """
became began blew bought broke brought came chose drew drove fell felt fought found gave got grew held knew led left
lent lost made met paid put ran rose said sang sat saw sent sold spent spoke stood swam taught thought threw
told took went won wore wrote arose ate awoke bore bound caught clung crept dealt dreamt dwelt flew fled forbade forgave
forgot foresaw froze gave hid hung knelt laid lay leapt lit outdid outgrew outsold overcame overran overrode oversaw
overtook overthrew rang rebuilt retold rewrote rode sank shone shook shot shrank slew slept slid sought spun sprang
stole strode strove struck stuck swept swore swung taught tore undertook underwent underwrote undid upheld wept withdrew
withstood woke wove
"""
PASTS = frozenset(_PASTS.split())

_ACRONYMS = """
ID IDS URL URI ISO ISBN ISSN FIPS ICAO IATA UN EU USA US UK DNA RNA GDP CEO CFO CTO DOI IMDB USB PCI
API IP HTTP XML JSON SMILES IUPAC CAS NCBI MESH ICD UTC GPS TV DVD CD NATO FIFA UEFA NBA NFL ISIN SEC
ORCID VIAF
"""
ACRONYMS = frozenset(_ACRONYMS.split())
