"""Relation phrases about things: parts, kinds, places, causes (see `kvdb.nouns.lexicon`).

Each line is a phrase, its tail noun and its head noun.
"""

from __future__ import annotations

THINGS = """
is a|kind|specific kind
isa|kind|specific kind
kind of|kind|specific kind
type of|type|specific type
rdf type|class|instance
type|type|thing of the type
instance of|class|instance
example of|class|example
form of|general form|special form
has part|part|containing whole
has member|member|group
has instance|instance|class
part of|containing whole|part
component of|containing whole|component
made of|material|thing made
made from|material|thing made
made up of|component|containing whole
consists of|component|containing whole
comprises|component|containing whole
composed of|component|containing whole
contains|content|container
contained in|container|content
includes|what it includes|what includes it
does not include|what it does not include|what does not include it
excludes|what it excludes|what excludes it
covers|what it covers|what covers it
member of|group|member
same as|same thing|same thing
see also|related entry|related entry
related to|related thing|related thing
associated with|associated thing|associated thing
connected to|connected thing|connected thing
linked to|linked thing|linked thing
similar to|similar thing|similar thing
equivalent to|equivalent|equivalent
different from|different thing|different thing
opposite of|opposite|opposite
adjacent to|adjacent thing|adjacent thing
next to|neighbour|neighbour
near|nearby thing|nearby thing
overlaps|overlapping thing|overlapping thing
overlaps with|overlapping thing|overlapping thing
borders|neighbour|neighbour
borders with|neighbour|neighbour
shares border with|neighbour|neighbour
also called|other name|thing with the other name
also known as|other name|thing with the other name
called|name|thing with the name
named|name|thing with the name
known as|other name|thing with the other name
nicknamed|nickname|thing with the nickname
formerly known as|former name|thing with the former name
works as|occupation|worker
graduated from|alma mater|graduate
located in|location|thing in the location
located at|location|thing in the location
located on|location|thing in the location
located near|nearby thing|nearby thing
located along|location|thing in the location
located in time zone|time zone|thing in the time zone
located in country|country|place in the country
at location|location|thing in the location
situated in|location|thing in the location
situated at|location|thing in the location
lies in|location|thing in the location
found in|location|thing in the location
in|location|thing in the location
occurs in|place of occurrence|thing that occurs in the place
flows into|outflow|inflow
flows through|place on the course|river through the place
largest city of|country or region|largest city
category of|member of the category|category
species of|genus|species
genus of|family|genus
subset of|superset|subset
superset of|subset|superset
suburb of|main city|suburb
variant of|original version|variant
version of|original version|version
symbol of|thing symbolised|symbol
abbreviation of|long form|abbreviation
abbreviation for|long form|abbreviation
short for|long form|short form
brand name of|generic name|brand name
conjugate acid of|conjugate base|conjugate acid
conjugate base of|conjugate acid|conjugate base
substance of|thing made of the substance|substance
value of|attribute|value
property of|bearer of the property|property
hypernym of|hyponym|hypernym
hyponym of|hypernym|hyponym
holonym of|meronym|holonym
meronym of|holonym|meronym
participle of|verb|participle
symptom of|disease|symptom
treatment of|disease treated|treatment
treatment for|disease treated|treatment
treats|disease treated|treatment
cure for|disease cured|cure
side effect of|drug with the side effect|side effect
cause of|effect|cause
causes|effect|cause
caused|effect|cause
caused by|cause|effect
results in|result|cause
resulted in|result|cause
leads to|result|cause
result of|cause|result
effect of|cause|effect
due to|cause|effect
prevents|thing prevented|preventer
used for|use|thing with the use
used to|use|thing with the use
used by|user|thing used
used in|place or field of use|thing used there
used as|use|thing with the use
uses|thing used|user
capable of|capability|thing with the capability
can|capability|thing with the capability
desires|desire|thing with the desire
extracted from|source|extract
derived from|origin|derivative
derives from|origin|derivative
originates from|origin|derivative
originated in|place of origin|thing with the place of origin
released in|year of release|release of the time
released on|date of release|release of the time
entails|what it entails|what entails it
pertains to|pertaining subject|pertaining word
depicts|thing depicted|depiction
describes|thing described|description
mentions|thing mentioned|mention
never coded together with|never-coded-together condition|never-coded-together condition
use additional|additional code to use|condition with the additional code
code first|condition to code first|condition coded after
code also|condition to code also|condition coded also
assigned to|assignee|assignment
exports|export|exporter
imports|import|importer
licensed under|licence|thing with the licence
runs on|platform|thing that runs on the platform
depends on|dependency|dependent
interacts with|interaction partner|interaction partner
serves as|function|thing with the function
abbreviated as|abbreviation|long form
ends on|end date|thing with the end date
starts on|start date|thing with the start date
begins on|start date|thing with the start date
starts at|start|thing with the start
ends at|end|thing with the end
built|date of construction|thing with the date of construction
opened in|year of opening|thing opened in the year
opened on|date of opening|thing opened on the date
signed in|year or place of signing|thing signed
signed on|date of signing|thing signed
first appeared in|first appearance|thing that first appeared
before|later event|earlier event
after|earlier event|later event
because|cause|effect
as result|result|cause
as result of|cause|result
while|simultaneous event|simultaneous event
during|simultaneous event|simultaneous event
instead of|alternative|alternative
at same time|simultaneous event|simultaneous event
so that|purpose|thing with the purpose
in order to|purpose|thing with the purpose
lead to|result|cause
led to|result|cause
result in|result|cause
resulted from|cause|result
results from|cause|result
result from|cause|result
consist of|component|containing whole
belong to|owner or group|member or belonging
depend on|dependency|dependent
broader|broader concept|narrower concept
narrower|narrower concept|broader concept
related|related thing|related thing
modified|date of modification|thing with the date of modification
issued|date of issue|thing with the date of issue
updated|date of update|thing with the date of update
opened|date of opening|thing with the date of opening
completed|date of completion|thing with the date of completion
closed|date of closing|thing with the date of closing
published|date of publication|thing with the date of publication
created|date of creation|thing with the date of creation
"""
