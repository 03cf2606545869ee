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
accept accompany accuse achieve acquire act activate address adhere adjoin admire admit adopt advise
affect aggravate allow amend announce appear apply appoint approve arise assess attach attack attend
authorise avoid award baptise baptize bear beat begin belong betray bind block border break bring
broadcast build buy calculate cancel carry carve cause celebrate certify chair circulate cite coach
collaborate collect come command compete compile complete complicate compose comprise conduct
confirm connect conquer consider consist constitute constrain consume contain contradict contribute
control convert convey correspond cost cover create criticise criticize cure date decompose defeat
defend defer define degrade deliver denote deny depend depict depose deprecate deputise deputize
derive descend describe design desire destroy detect determine develop deviate diagnose die differ
differentiate direct disable disappear discontinue discover discuss dislike displace display
disprove dissolve distribute divide dominate dye eat edit educate elect emit emphasise employ empty
emulate enable enclose encode encompass encourage end endanger endorse enforce enhance ensure entail
enter entitle equal establish evaluate evict evolve exceed exclude execute exempt exhibit exist
expire explain export express extend face facilitate feature feed fight finance flow fly follow
forgive form formulate found fulfil fulfill fund generate give govern graduate grow guide
hate have head help hinder hold host hunt identify ignite ignore illustrate implement imply import
improve include increase incur indicate induce influence inform inhabit inherit inhibit initiate
inspect inspire install instruct integrate interact interfere interpret introduce invade invalidate
invent invest involve irritate issue join justify keep kill know lack launch lead learn leave
license lie like link live locate love maintain make manage manufacture marry match mean measure
meet melt mention merge metabolise metabolize mimic mitigate modify motivate narrate need negate
negotiate neutralise neutralize nominate notify obey oblige obsolete obtain occupy occur offer
officiate omit open operate oppose orbit ordain organise organize originate outperform outrank
overlap overlie override oversee overtake overwrite own oxidise oxidize participate pass perform
persuade pertain play pollinate possess precede predict prefer prescribe present preserve presuppose
prevent process proclaim produce prohibit prolong promote propose protect prove provide publish
punish pursue qualify reach react rebuild receive recognise recognize recommend record reduce refer
refine reflect refuse refute regulate reinforce relate release relieve remove rename renew repay
repeal repel replace report represent require resemble reside resist resolve respond restore
restrict result retain reveal review revoke rule satisfy say scavenge secrete seek select sell send
separate serve settle share sharpen show shrink sign simulate solve speak specialise specialize
specify sponsor stabilise stabilize star start state stimulate strengthen study submit subsidise
subsume succeed suffer suggest supersede supervise supply support surround sustain synthesise
synthesize take tame target teach tell terminate threaten throw tighten tolerate train transcribe
translate transmit transport traverse treat trigger undergo underlie undermine undertake undo unite
unlock use utilise utilize validate venerate verify violate visit waive want weaken wear weigh win
withdraw withstand work worship write
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
appeared arrived belonged benefited borrowed bought came collaborated competed converted defected departed died
emerged emigrated escaped evolved fell feuded fled fought graduated immigrated inherited learned lived merged
migrated moved participated played received resigned retired returned rose served starred studied traveled
travelled turned voted went worked wrote began became acted aligned applied campaigned climbed collided competed
complained consulted contributed crashed debuted depended descended differed disagreed expanded flourished grew happened
hinted insisted intermarried invested joined listened lobbied objected occurred originated partnered performed
protested quarrelled quarreled rallied reacted rebelled relied reported resided responded resulted sailed settled sided
specialised specialized spoke strived struggled succeeded suffered survived sympathised sympathized testified toured
trended waited wandered
"""
ACTIVE = frozenset(_ACTIVE.split())

_PASTS = """
became began bought broke brought came chose drew drove fell felt fought found gave got grew held knew led left
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
