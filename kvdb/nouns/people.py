"""Relation phrases about people, their works and organisations (see `kvdb.nouns.lexicon`).

Each line is a phrase, its tail noun and its head noun.
"""

from __future__ import annotations

PEOPLE_AND_WORKS = """
subtype of|parent type|subtype
subclass of|parent class|subclass
sub class of|parent class|subclass
has a|part|owner
has child|child|parent
has parent|parent|child
named after|namesake|thing named in honour
named for|namesake|thing named in honour
known for|claim to fame|famous person or thing
famous for|claim to fame|famous person or thing
born|date of birth|person with the date of birth
born in|place of birth|person with the place of birth
born at|place of birth|person with the place of birth
born on|date of birth|person with the date of birth
died|date of death|person with the date of death
died in|place of death|person with the place of death
died at|place of death|person with the place of death
died on|date of death|person with the date of death
died of|cause of death|person with the cause of death
died from|cause of death|person with the cause of death
buried in|place of burial|person with the place of burial
buried at|place of burial|person with the place of burial
lives in|place of residence|resident
lived in|place of residence|resident
resides in|place of residence|resident
citizen of|country of citizenship|citizen
native of|place of origin|native
comes from|place of origin|native
came from|place of origin|native
works for|employer|employee
worked for|employer|employee
works at|employer|employee
worked at|workplace|employee
works in|field of work|worker
works on|subject of work|worker
employed by|employer|employee
studied at|place of study|student
educated at|place of education|student
attended|school attended|student
studied under|teacher|student
taught by|teacher|student
plays for|team|player
played for|team|player
plays|thing played|player
played by|player|role
plays in|place or group of play|player
starring|leading actor|production
stars|leading actor|production
stars in|production|leading actor
appears in|work of appearance|character or performer
acted in|production|actor
married to|spouse|spouse
spouse of|spouse|spouse
husband of|wife|husband
wife of|husband|wife
father of|child|father
mother of|child|mother
parent of|child|parent
child of|parent|child
son of|parent|son
daughter of|parent|daughter
brother of|sibling|brother
sister of|sibling|sister
ancestor of|descendant|ancestor
descendant of|ancestor|descendant
grandparent of|grandchild|grandparent
student of|teacher|student
teacher of|student|teacher
friend of|friend|friend
preceded by|predecessor|successor
precedes|successor|predecessor
predecessor of|successor|predecessor
successor of|predecessor|successor
succeeded by|successor|predecessor
succeeds|predecessor|successor
followed by|successor|predecessor
follows|predecessor|successor
replaced by|replacement|predecessor
replaces|predecessor|replacement
based in|headquarters|organisation with the headquarters
headquartered in|headquarters|organisation with the headquarters
took place in|place of the event|event in the place
takes place in|place of the event|event in the place
happened in|place of the event|event in the place
capital of|country or region governed|capital
seat of|region governed|seat
president of|country or organisation led|president
leader of|country or organisation led|leader
head of|organisation led|head
ceo of|company led|CEO
mayor of|city governed|mayor
king of|country ruled|king
queen of|country ruled|queen
ruler of|country ruled|ruler
employee of|employer|employee
author of|written work|author
writer of|written work|writer
composer of|composition|composer
director of|film or organisation directed|director
founder of|organisation founded|founder
inventor of|invention|inventor
discoverer of|discovery|discoverer
creator of|creation|creator
owner of|property|owner
subcategory of|parent category|subcategory
subdivision of|parent division|subdivision
division of|parent division|division
subsidiary of|parent company|subsidiary
branch of|parent branch|branch
subspecies of|parent species|subspecies
subfield of|parent field|subfield
translation of|original text|translation
sequel of|predecessor|sequel
sequel to|predecessor|sequel
prequel to|successor|prequel
cover of|original song|cover
obtained from|source|product
based on|basis|derived work
adapted from|source work|adaptation
inspired by|inspiration|inspired work
influenced by|influence|person or thing influenced
influences|person or thing influenced|influence
produces|product|producer
produced|product|producer
manufactures|product|manufacturer
makes|product|maker
sells|product sold|seller
publishes|publication|publisher
wrote|written work|author
written in|language of writing|work in the language
composed|composition|composer
invented|invention|inventor
discovered|discovery|discoverer
created|creation|creator
founded|organisation founded|founder
owns|property|owner
owned by|owner|property
operated by|operator|thing operated
written by|author|written work
composed by|composer|composition
directed by|director|film directed
invented by|inventor|invention
discovered by|discoverer|discovery
created by|creator|creation
founded by|founder|organisation founded
published by|publisher|publication
produced by|producer|product
manufactured by|manufacturer|product
made by|maker|product
painted by|painter|painting
sung by|singer|song
performed by|performer|performance
governed by|governor|territory governed
governs|territory governed|governor
ruled by|ruler|territory ruled
led by|leader|group led
headed by|head|organisation led
built in|year of construction|building of the time
built by|builder|building
designed by|designer|design
founded in|year of foundation|organisation of the time
established in|year of foundation|organisation of the time
founded on|date of foundation|organisation of the time
published in|year or place of publication|publication
won|award won|winner
won by|winner|thing won
awarded|award|recipient
received award|award|recipient
awarded to|recipient|award
nominated for|award nomination|nominee
speaks|language spoken|speaker
speaks language|language spoken|speaker
spoken in|place where it is spoken|language spoken
cites|cited work|citing work
transcribed to|transcription product|transcription template
transcribed from|transcription template|transcription product
employs|employed person|employer
knows|acquaintance|acquaintance
participated in|event|participant
participates in|event|participant
takes part in|event|participant
took part in|event|participant
affiliated with|affiliation|affiliate
affiliated to|affiliation|affiliate
interested in|interest|interested person or thing
operates in|area of operation|operator in the area
translated into|language of translation|work translated
translated by|translator|translation
responsible for|responsibility|person or body responsible
home to|resident|home
born to|parent|child
wrote music for|production|composer
built on|date of construction|building of the date
established on|date of foundation|organisation of the date
established by|founder|organisation founded
invented in|year or place of invention|invention
discovered in|year or place of discovery|discovery
discovered on|date of discovery|discovery
held in|place or year of the event|event
dedicated to|dedicatee|thing dedicated
speciality of|specialist|speciality
specialises in|speciality|specialist
specializes in|specialty|specialist
won prize|prize won|winner
released|release|publisher
belongs to|owner or group|member or belonging
"""
