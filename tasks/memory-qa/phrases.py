"""What is said in the conversations that `make_data.py` makes: facts, how they are told, chat."""

from dataclasses import dataclass


def words(text: str) -> list[str]:
    """The items of a pool, written with | between them."""
    return [item.strip() for item in text.strip().replace("\n", "|").split("|")]


def single(text: str) -> list[str]:
    """The items of a pool of single words."""
    return text.split()


SPEAKERS = """Maria Tom|Priya Lars|Grace Omar|Helena Kofi|Joan Mateo|Yuki Daniel|Fatima Ben
Ingrid Sam|Chloe Victor|Amara Paul|Rosa Felix|Leila Hugo|Nina Oscar|Vera Jonas"""
PEOPLE = single("""
Nadia Elena Marcus Ravi Sofia Anton Bianca Cyril Dora Edgar Flora Gideon Hanna Igor
Jasmin Kurt Lydia Milan Noor Otis Petra Quentin Rita Selma Tariq Ursula Walter Xenia Yasmin Zoltan
Agnes Boris Celia Dmitri Esther Fabio Greta Hector Ilse Jakob""")
CITIES = words("""
Porto|Lyon|Ghent|Turin|Cork|Bergen|Aarhus|Krakow|Leipzig|Seville|Bristol|Utrecht|Graz
Tampere|Riga|Split|Basel|Malmo|Brno|Cadiz|Dundee|Nantes|Padua|Rostock|Toledo|Vigo|Zadar|York|Bath
Lille|Bremen|Girona|Leuven|Trento|Varna|Gdansk|Kiel|Oulu|Perugia|Arles|New Haven|San Marcos
Port Douglas|Cape May""")
COUNTRIES = single("""
Norway Peru Japan Iceland Morocco Vietnam Portugal Chile Kenya Nepal Greece Jordan
Mexico Finland Ireland Croatia Georgia Ghana Cuba Bhutan Malta Laos""")
PETS = single("""
Biscuit Pepper Mango Ziggy Olive Toffee Gizmo Luna Rusty Waffles Clementine Bruno Mochi
Pickle Hazel Domino Figaro Nutmeg Socks Truffle Comet Juniper Marble Pogo""")
JOBS = """pastry chef|nurse|tax adviser|bus driver|translator|sound engineer|park ranger|welder
physiotherapist|museum guide|data analyst|florist|radio host|carpenter|dental assistant|librarian
wedding photographer|chemist|swimming teacher|tour manager|beekeeper|paralegal|barista
crane operator|speech therapist|set designer|piano tuner|postal clerk|locksmith|surveyor
game tester|veterinary nurse|baker|optician|train conductor|copy editor""".replace("\n", "|").split(
    "|"
)
TITLES = words("""The Glass Harbour|Salt Roads|Winter Letters|A Field of Crows|The Last Ferryman
Paper Moons|North of Silence|The Clockmaker|Blue Hour|Small Kingdoms|The Orchard Keeper's Son
Seven Bridges|Night Gardens|The Cartographer|Low Tide""")


@dataclass(frozen=True)
class Slot:
    """Something to know about a person: how it is said, how it is asked, what it may be."""

    question: str
    said: tuple[str, ...]
    pool: tuple[str, ...]


def slot(question: str, said: str, pool: str | list[str]) -> Slot:
    values = words(pool) if isinstance(pool, str) else pool
    return Slot(question, tuple(words(said)), tuple(values))


def favourite(what: str, pool: str) -> Slot:
    said = (
        f"My favourite {what} is {{v}}, nothing else comes close."
        f"|I could not choose for years, but by now {{v}} is my favourite {what}."
        f"|My favourite {what}? That must be {{v}}."
    )
    return slot(f"What is {{s}}'s favourite {what}?", said, pool)


FACTS = [
    slot(
        "Which instrument does {s} play?",
        "I play the {v} in the evenings, it calms me down.|Did I mention that I play the {v}?"
        "|These days I play the {v} whenever nobody is listening.",
        "cello|ukulele|bass guitar|accordion|French horn|oboe|harp|drums|banjo|clarinet|tuba|viola",
    ),
    slot(
        "What is {s} allergic to?",
        "I'm allergic to {v}, so I always read the label.|It turns out that I am allergic to {v}."
        "|Being allergic to {v} makes eating out an adventure.",
        "shellfish|peanuts|sesame seeds|cat hair|birch pollen|strawberries|latex|mustard|celery"
        "|wasp stings|soy milk|walnuts",
    ),
    slot(
        "Where was {s} born?",
        "I was born in {v}, though we left when I was small.|They still know me where I was born,"
        " in {v}.|Did you know that I was born in {v}?",
        CITIES,
    ),
    slot(
        "What did {s} study at university?",
        "At university I studied {v}, would you believe it?|I studied {v} back then."
        "|All those years when I studied {v} and learned nothing useful.",
        "marine biology|philosophy|art history|civil engineering|statistics|Latin|geology|economics"
        "|political science|music theory|food chemistry|architecture",
    ),
    slot(
        "What does {s} collect?",
        "I collect {v}, the shelf is full of them.|You know me, I collect {v} wherever I go."
        "|People laugh when they hear that I collect {v}.",
        "stamps|old maps|fountain pens|vinyl records|sea shells|postcards|tin toys|teapots"
        "|ticket stubs|pocket watches|fridge magnets|comic books",
    ),
    slot(
        "What is {s} afraid of?",
        "I'm afraid of {v}, always have been.|Don't laugh, but I am afraid of {v}."
        "|My whole family knows that I'm afraid of {v}.",
        "heights|spiders|deep water|thunder|clowns|needles|moths|lifts|the dark|flying|geese"
        "|ladders",
    ),
    slot(
        "Which language is {s} learning?",
        "I'm learning {v}, ten minutes every day.|Slowly but surely I am learning {v}."
        "|My evenings are quiet, I'm learning {v} with an app.",
        "Spanish|Welsh|Korean|Turkish|Swahili|Polish|Hindi|Danish|Arabic|Greek|Finnish|Basque",
    ),
    slot(
        "Where does {s} volunteer?",
        "On Saturdays I volunteer at the {v}.|I volunteer at the {v} twice a month, it does me"
        " good.|The {v} is where I volunteer on Sundays.",
        "animal shelter|food bank|city library|youth club|repair shop|community garden|hospice"
        "|night shelter|toy museum|lifeboat station|bird sanctuary|soup kitchen",
    ),
    slot(
        "What does {s} usually eat for breakfast?",
        "For breakfast I usually eat {v}, nothing fancy.|I eat {v} for breakfast most days."
        "|You will find it dull, but I usually eat {v} in the morning.",
        "porridge|fried eggs|rye bread|a banana|pancakes|rice soup|cold pizza|granola|toast"
        "|a bagel|yoghurt|beans",
    ),
    slot(
        "What is the name of {s}'s boat?",
        "We named the boat {v} after a long quarrel.|The boat is called {v}, it was called that"
        " when I bought it.|I painted the name on the boat, it says {v}.",
        "Swift|Calypso|Daybreak|Albatross|Marigold|Kestrel|Halcyon|Tempest|Driftwood|Aurora"
        "|Petrel|Undine",
    ),
    slot(
        "What colour is {s}'s bicycle?",
        "My bicycle is {v}, you can't miss it.|The bicycle I bought is {v}."
        "|I had my bicycle painted, now its colour is {v}.",
        "red|dark green|yellow|silver|orange|sky blue|purple|white|black|turquoise|pink|brown",
    ),
    favourite("tea", "oolong|rooibos|jasmine|earl grey|mint|chamomile|sencha|darjeeling|assam"
              "|chai"),
    favourite("dish", "lasagne|ramen|mushroom risotto|lentil curry|paella|pierogi|moussaka|tacos"
              "|onion soup|dumplings"),
    favourite("flower", "peonies|tulips|sunflowers|sweet peas|dahlias|lilac|poppies|irises"
              "|orchids|foxgloves"),
    favourite("season", "spring|early summer|autumn|late winter"),
    favourite("board game", "chess|backgammon|carcassonne|scrabble|mah jong|ludo|dominoes|go fish"),
]  # fmt: skip

NEWS = [  # what changes: the latest counts
    slot(
        "Where does {s} live now?",
        "I moved to {v}, the flat is still full of boxes.|Big news: I live in {v} now!"
        "|We settled in {v}, I live right by the station.|I live in {v} since this week.",
        CITIES,
    ),
    slot(
        "What does {s} do for work now?",
        "I started to work as a {v}.|I work as a {v} now, the hours are better."
        "|Guess who found work as a {v}?|As of this week I work as a {v}.",
        JOBS,
    ),
    slot(
        "Which book is {s} reading now?",
        "I'm reading {v}, it keeps me up at night.|I started reading {v} on the train."
        "|At the moment I am reading {v}.|Now it is {v} that I'm reading.",
        TITLES,
    ),
    slot(
        "Which sport does {s} do now?",
        "My new sport is {v}, everything hurts.|I switched, the sport I do now is {v}."
        "|I do a new sport, it's called {v}.|As for sport, I do {v} these days.",
        "fencing|rowing|climbing|judo|badminton|water polo|archery|squash|table tennis|boxing"
        "|ice skating|volleyball",
    ),
]
COUNTED = [
    ("How many houseplants does {s} have now?", "I have {v} houseplants"),
    ("How many beehives does {s} keep now?", "I keep {v} beehives"),
    ("How many pupils does {s} teach now?", "I teach {v} pupils"),
    ("How many chickens does {s} have now?", "I have {v} chickens"),
    ("How many books has {s} read this year?", "I have read {v} books this year"),
]
COUNT_TAILS = [" by now.", ", can you imagine?", ", and counting!", ", at the last count."]
NUMBERS = single("one two three four five six seven eight nine ten eleven twelve")

EVENTS = [  # as asked, as told
    tuple(pair.split("/"))
    for pair in words(
        """run a half marathon/ran a half marathon|paint the kitchen/painted the kitchen
        lose a wallet/lost my wallet|bake a sourdough loaf/baked a sourdough loaf
        see an eclipse/saw an eclipse|fix the washing machine/fixed the washing machine
        visit the aquarium/visited the aquarium|plant an apple tree/planted an apple tree
        win a pub quiz/won a pub quiz|join a choir/joined a choir
        sell the old sofa/sold the old sofa
        climb Mount Tarn/climbed Mount Tarn|donate blood/donated blood
        pass the driving test/passed the driving test|give a talk on soil/gave a talk on soil
        find a stray kitten/found a stray kitten|go to a jazz concert/went to a jazz concert
        break a finger/broke a finger|cook for twenty guests/cooked for twenty guests
        take a pottery class/took a pottery class|build a bird house/built a bird house
        meet the new mayor/met the new mayor|swim across the lake/swam across the lake
        attend a court hearing/attended a court hearing|repair the garden fence/repaired the fence
        host a chess evening/hosted a chess evening|buy a used van/bought a used van
        sing at a wedding/sang at a wedding|catch a huge pike/caught a huge pike
        miss the night train/missed the night train|adopt a greyhound/adopted a greyhound
        finish the big quilt/finished the big quilt|camp by the river/camped by the river
        hear an owl/heard an owl|open a savings account/opened a savings account
        clear out the attic/cleared out the attic|tour a salt mine/toured a salt mine
        ride in a balloon/rode in a balloon|see the dentist/saw the dentist
        carve a walking stick/carved a walking stick"""
    )
]
AFTER = words(
    "and I am still tired|which was overdue|with half the family watching|and it went fine"
    "|and nobody believed me|against all advice|and slept like a stone afterwards"
    "|with more luck than skill|just as planned|in the pouring rain"
)

RELATIONS = words("sister|brother|cousin|aunt|uncle|neighbour|flatmate|niece|godmother|landlord")
MET = words(
    "My {r} {p} came by and stayed for hours.|I had lunch with {p}, my {r}."
    "|My {r} is called {p}, you would like each other.|You remember {p}, my {r}?"
)
ABOUT = [  # about the people one knows: question, statements, pool
    slot(
        "What does {p} do for work?",
        "{p} works as a {v}, and it shows.|Apparently {p} found work as a {v}."
        "|{p} likes the work as a {v}.",
        JOBS,
    ),
    slot(
        "In which city does {p} live?",
        "{p} lives in {v} with two cats.|Next month I will see {p}, who lives in {v}."
        "|{p} has lived in {v} for ages.",
        CITIES,
    ),
]
GIFTS = words(
    "telescope|chess set|hammock|sewing machine|cast iron pan|wool blanket|camping stove|globe"
    "|record player|silver ring|rain coat|microscope|desk lamp|wine rack|kite|puzzle"
)
GIVEN = words(
    "{p} gave me a {g} for my birthday!|For my birthday {p} gave me a {g}, imagine."
    "|Look what I got: a {g} that {p} gave me."
)
ANIMALS = words("dog|cat|parrot|tortoise|rabbit|hamster|pony|hedgehog")
PET = words(
    "Our {a} is called {v}, the children chose it.|The new {a} arrived and we named it {v}."
    "|I have a {a} now and its name is {v}."
)
TRIPS = words(
    "I visited {v} {w}, and I want to go back.|{W} I came back from {v}, what a country!"
    "|{W} I visited {v} with a friend."
)

PLANS = words(
    "One day I would like to {e}, but when?|Have you ever thought about it, to {e}?"
    "|I keep dreaming that I {e}.|They say everybody should {e} once.|Would you {e} with me?"
)
PROMPTS = words(
    "What do you play these days, {n}? Which instrument was it?"
    "|Are you still learning that language, {n}?|Did you do sport this week, {n}?"
    "|How is work, {n}? Do you like what you do?|What are you reading, {n}? I need a good book."
    "|And where will you live next year, {n}?|{n}, how are the houseplants? How many are there now?"
    "|Do you collect anything, {n}?|What is your favourite season, {n}? I can never decide."
    "|What did you eat for breakfast, {n}? You look awake."
    "|Which tea do you drink, {n}? A favourite?|Who gave you that, {n}? It looks expensive."
    "|Which dish should I cook for you, {n}? What is your favourite?"
    "|How is the boat, {n}? Does it have a name yet?|When did you last see your {r}, {n}?"
    "|What does your {r} do for work, {n}? I forgot.|Does your {r} live in the same city, {n}?"
    "|How many books have you read this year, {n}? I lost count of mine."
    "|Is the {a} well, {n}? What was the name again?|Which country would you visit next, {n}?"
)
CHAT = words(
    "How are things?|I slept badly.|The weather has been awful all week.|Work is busy as ever."
    "|I should call you more often.|That made me laugh.|You are so right.|Tell me more!"
    "|I had to work late again.|Nothing new on my side.|The trains were late again."
    "|We should meet for a tea some time.|I can't complain.|Somebody left the gate open."
    "|My phone died in the middle of it.|It is getting dark so early now.|Life is good."
    "|I forgot what I wanted to say.|The city is full of tourists.|That is good news."
    "|What a week.|I am on my way to the shop.|Sorry for the late answer.|I live for these moments."
    "|The name escapes me.|I read about that.|One never knows.|My knee is playing up."
    "|Every season has its colours.|I ate far too much.|I have no idea how you do it."
    "|The neighbours are having a party.|It is my favourite kind of day.|I learn something new"
    " every day.|You always know what to say.|There is no place like home.|I lost track of time."
    "|I never play by the rules.|Honestly, it could be worse.|The dog next door barked all night."
    "|The book club was fun.|I left my umbrella on the bus.|What a small world."
)
LEADS = words(
    "Oh, before I forget it again.|You will never guess what I have to tell you."
    "|It has been quite a week over here.|Thanks for asking, I am fine and so are the others."
    "|Sorry, I was away from my desk for a while.|By the way, there is something I wanted to say."
    "|I was just thinking about what you said the other day.|Well, where do I begin?"
    "|Funny that you say that.|No, but listen.|You are kind."
)
TAILS = words(
    "Anyway, how about you?|But enough of that.|I will send you a picture.|So that is that."
    "|You should have seen my face.|More when we meet.|Do not tell anyone.|Is that not odd?"
)

WEEKDAYS = single("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = single("""January February March April May June July August September October November
December""")
