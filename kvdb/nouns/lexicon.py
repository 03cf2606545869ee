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
abstained acceded acted admitted agreed aligned amounted apologised apologized appealed appeared applied argued
arrived asked aspired bargained became began belonged benefited bled bloomed blossomed boasted boiled borrowed
bought bowed breathed burst came campaigned ceased chatted clashed climbed coexisted coincided collaborated
collapsed collided commented commuted competed complained complied confessed conformed consented conspired consulted
contrasted contributed converged conversed converted coped correlated corresponded crashed crawled cried danced
dated dealt debuted declined defected departed depended descended deteriorated died differed dined disagreed
disappeared dissented dived diverged divorced donated dwelt eloped emanated emerged emigrated ended enlisted erupted
escaped evolved excelled existed expanded expired faded failed fared fell feuded filed fled flirted floated
flourished flowed focused focussed fought fraternised frowned gambled gathered gazed glowed graduated grew grieved
guessed happened harmonised heard hesitated hinted hoped hurried immigrated improvised inherited inquired insisted
interacted interfered intermarried intervened invested joined journeyed jumped knelt lagged landed lapsed lasted
laughed leaked leaned leapt learned lectured left lied lingered listened lived lobbied longed looked lost mattered
meddled merged met migrated mingled moaned mourned moved murmured nodded objected occurred opted orbited originated
overlapped pandered parted participated partnered peaked performed perished persisted pertained played pleaded
plotted prayed preached premiered presided prevailed proceeded profited progressed prospered protested protruded
qualified quarreled quarrelled quit railed rallied ran ranged ranked reacted rebelled received recurred refrained
regressed reigned relapsed relented relied remained repented reported resembled resided resigned resorted responded
rested resulted resurfaced retired retreated returned reverted revolved roamed rose rotated sailed sang sat seceded
served settled shone shrank sided sighed sinned skied slept slid smiled smoked snowed soared specialised specialized
speculated spoke sprinted squabbled staggered starred stayed stemmed stepped stood strayed streamed strived
struggled studied succeeded suffered surfaced surged surrendered survived swam swore sympathised sympathized talked
taught tended testified thrived toiled totalled toured transitioned traveled travelled trended trespassed triumphed
trudged tumbled turned vanished ventured vied voted waited walked wandered warned went wept wintered wished withdrew
won wondered worked wrote yearned yielded
"""
ACTIVE = frozenset(_ACTIVE.split())

# Irregular pasts and participles, each with its plain verb.
_PASTS = """
became become; began begin; blew blow; bought buy; broke break; brought bring; came come; chose choose; drew draw;
drove drive; fell fall; felt feel; fought fight; found find; gave give; got get; grew grow; held hold; knew know;
led lead; left leave; lent lend; lost lose; made make; met meet; paid pay; ran run; rose rise; said say; sang sing;
sat sit; saw see; sent send; sold sell; spent spend; spoke speak; stood stand; swam swim; taught teach; thought
think; threw throw; told tell; took take; went go; won win; wore wear; wrote write; arose arise; ate eat; awoke
awake; bore bear; bound bind; caught catch; clung cling; crept creep; dealt deal; dreamt dream; dwelt dwell; flew
fly; fled flee; forbade forbid; forgave forgive; forgot forget; foresaw foresee; froze freeze; hid hide; hung hang;
knelt kneel; laid lay; lay lie; leapt leap; lit light; outdid outdo; outgrew outgrow; outsold outsell; overcame
overcome; overran overrun; overrode override; oversaw oversee; overtook overtake; overthrew overthrow; rang ring;
rebuilt rebuild; retold retell; rewrote rewrite; rode ride; sank sink; shone shine; shook shake; shot shoot; shrank
shrink; slew slay; slept sleep; slid slide; sought seek; spun spin; sprang spring; stole steal; strode stride;
strove strive; struck strike; stuck stick; swept sweep; swore swear; swung swing; tore tear; undertook undertake;
underwent undergo; underwrote underwrite; undid undo; upheld uphold; wept weep; withdrew withdraw; withstood
withstand; woke wake; wove weave; built build; kept keep; bred breed; fed feed; bent bend; heard hear; understood
understand; meant mean
"""
_PARTICIPLES = """
become become; begun begin; blown blow; broken break; chosen choose; drawn draw; driven drive; fallen fall; given
give; grown grow; known know; risen rise; run run; seen see; sung sing; spoken speak; shown show; taken take; thrown
throw; worn wear; written write; eaten eat; borne bear; born bear; beaten beat; flown fly; forbidden forbid;
forgotten forget; forgiven forgive; frozen freeze; hidden hide; ridden ride; rung ring; shaken shake; slain slay;
stolen steal; sworn swear; torn tear; undertaken undertake; undergone undergo; underwritten underwrite; withdrawn
withdraw; woven weave; done do; gone go; overrun overrun; overtaken overtake; overthrown overthrow; rewritten
rewrite; sewn sew; sown sow; sunk sink; undone undo; woken wake; put put; cut cut; read read; beat beat; set set
"""
PASTS = dict(pair.split() for pair in _PASTS.replace("\n", " ").split(";"))
PLAIN_VERBS = PASTS | dict(pair.split() for pair in _PARTICIPLES.replace("\n", " ").split(";"))

_ACRONYMS = """
ID IDS URL URI ISO ISBN ISSN FIPS ICAO IATA UN EU USA US UK DNA RNA GDP CEO CFO CTO DOI IMDB USB PCI
API IP HTTP XML JSON SMILES IUPAC CAS NCBI MESH ICD UTC GPS TV DVD CD NATO FIFA UEFA NBA NFL ISIN SEC
ORCID VIAF
"""
ACRONYMS = frozenset(_ACRONYMS.split())
