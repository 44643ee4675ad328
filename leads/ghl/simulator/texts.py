"""What simulated people write, in English and Spanish, by what they want and how serious they are."""

from __future__ import annotations

from collections.abc import Mapping

Lines = Mapping[str, tuple[str, ...]]

OPENERS: Mapping[str, Lines] = {
    "en": {
        "first_time_buyer": (
            "Hi! My partner and I are looking for our first home around {area}. Where do we start?",
            "Hello, we rent now and would like to buy our first place. Is {area} realistic at {budget}?",
            "Is the {beds} bedroom on {street} still available? It would be our first house.",
        ),
        "move_up": (
            "We have outgrown our house and need {beds} bedrooms near {area}. Can we sell and buy at once?",
            "Hi, we need more space. We own in {city} and would sell first. What is out there in {area}?",
        ),
        "downsizer": (
            "The kids have moved out and the stairs are a chore. Anything single level in {area}?",
            "We want something smaller with less yard work. Are there good condos in {area}?",
        ),
        "investor": (
            "Looking for a rental in {area}, {budget} cash. What cap rates do you see?",
            "Do you have duplexes or small multi-family near {area}? I care about rent roll, not looks.",
        ),
        "luxury": (
            "I would like a private tour of the waterfront listing on {street}. Please be discreet.",
            "We are considering homes above {budget} around {area}. Do you have anything off market?",
        ),
        "relocation": (
            "My job moves me to {city} in {month}. Could you do a video tour of a few homes in {area}?",
            "We are relocating from out of state by {month}. Which areas have a short commute downtown?",
        ),
        "seller": (
            "What could we get for our house in {area}? Thinking of selling.",
            "Hi, could you tell me what my home on {street} is worth today?",
        ),
    },
    "es": {
        "first_time_buyer": (
            "Hola, queremos comprar nuestra primera casa en {area}. ¿Por dónde empezamos?",
            "Buenas, rentamos ahora y queremos comprar. ¿Alcanza {budget} para {area}?",
        ),
        "move_up": ("Necesitamos una casa más grande, {beds} recámaras cerca de {area}. ¿Vendemos primero?",),
        "downsizer": ("Buscamos algo más pequeño y de un solo piso en {area}.",),
        "investor": ("Busco un dúplex para rentar en {area}, pago en efectivo hasta {budget}.",),
        "luxury": ("Quisiera una visita privada a la casa en {street}.",),
        "relocation": ("Me mudo a {city} en {month} por trabajo. ¿Puede hacer una visita por video?",),
        "seller": ("¿Cuánto vale mi casa en {area}? Estoy pensando en vender.",),
    },
}

# What a lead says in the course of things, by stage; the more serious ones get further down.
REPLIES: Mapping[str, Lines] = {
    "en": {
        "budget": (
            "Our budget is around {budget}.",
            "We can go up to {budget}, a little more for the right one.",
            "Somewhere near {budget} all in.",
        ),
        "timeline": (
            "We need to move by {month}.",
            "Our lease ends in {month}, so before that.",
            "As soon as possible, ideally within {weeks} weeks.",
        ),
        "details": (
            "At least {beds} bedrooms and a garage, in {area} if possible.",
            "A yard matters, and {beds} bedrooms. We love {area}.",
            "Move-in ready please, no big renovation.",
        ),
        "financing": (
            "We are pre-approved with our credit union for {budget}.",
            "Our lender just sent the pre-approval letter!",
            "Good news, we got pre-approved yesterday.",
        ),
        "cash": ("We would pay cash.", "Cash, no loan needed. Proof of funds is ready."),
        "showing": (
            "Can we see the house on {street} this {day}?",
            "Could you book a showing for {day} afternoon?",
            "We would love to tour it. Is {day} after 5 possible?",
        ),
        "liked": (
            "We loved it! The kitchen is perfect. What are the next steps?",
            "That was the one. How quickly would we have to decide?",
        ),
        "offer": (
            "We want to make an offer. What price would you write?",
            "Please prepare the offer, we are ready to sign.",
        ),
        "agreed": ("We agree on the price, let's go ahead.", "{budget} works for us, please accept it."),
        "listing": (
            "Yes, let's list it. When can the photographer come?",
            "We are ready to sign the listing agreement this week.",
        ),
        "motive": (
            "We both work from home now and need the room.",
            "I start a new job there, so we have to be settled.",
            "The house is too big for the two of us now.",
        ),
        "question": (
            "What are the HOA fees there?",
            "How are property taxes in {area}?",
            "Is there any room on the price?",
            "Do you know how old the roof is?",
        ),
        "browsing": (
            "Just looking for now, thanks.",
            "Nice pictures. Maybe next year.",
            "Could you add me to the newsletter? No rush on our side.",
            "Interesting, we will think about it.",
        ),
        "objection": (
            "That is too expensive for us.",
            "We decided to stay where we are for now.",
            "Prices are out of reach, we will wait.",
        ),
        "refusal": (
            "Please stop, we are not interested any more.",
            "We already work with another agent.",
            "Not interested, thank you.",
        ),
    },
    "es": {
        "budget": ("Nuestro presupuesto es de {budget}.", "Podemos llegar hasta {budget}."),
        "timeline": ("Necesitamos mudarnos antes de {month}.", "Lo antes posible, en unas {weeks} semanas."),
        "details": ("Mínimo {beds} recámaras y cochera, en {area} si se puede.",),
        "financing": ("Ya estamos preaprobados por {budget}.", "El banco nos dio la preaprobación ayer."),
        "cash": ("Pagaríamos en efectivo.",),
        "showing": (
            "¿Podemos ver la casa de {street} el {day}?",
            "Quisiéramos una visita el {day} por la tarde.",
        ),
        "liked": ("¡Nos encantó! ¿Cuáles son los siguientes pasos?",),
        "offer": ("Queremos hacer una oferta. ¿Qué precio recomienda?",),
        "agreed": ("De acuerdo con el precio, adelante.",),
        "listing": ("Sí, pongámosla en venta. ¿Cuándo pueden venir a tomar fotos?",),
        "motive": ("Ahora trabajamos desde casa y necesitamos espacio.", "Empiezo un trabajo nuevo allá."),
        "question": ("¿Cuánto es la cuota de la HOA?", "¿Se puede negociar el precio?"),
        "browsing": ("Solo estoy mirando por ahora, gracias.", "Quizás el próximo año."),
        "objection": ("Es demasiado caro para nosotros.", "Vamos a esperar por ahora."),
        "refusal": ("Ya no estamos interesados, gracias.", "Ya trabajamos con otro agente."),
    },
}

# What the team writes.
AGENT: Mapping[str, Lines] = {
    "en": {
        "welcome": (
            "Thanks for reaching out to {brokerage}, {first}! One of us will be with you shortly.",
            "Hi {first}, we received your request and will call you soon. {brokerage}",
        ),
        "answer": (
            "Hi {first}, happy to help. What budget and area do you have in mind?",
            "Great question, {first}. Let me check and send you the details today.",
            "I have two homes in {area} that fit. Shall I send them over?",
            "When would you like to move, {first}?",
            "Would {day} work for a visit?",
            "I just sent you the disclosures. Call me any time.",
        ),
        "nudge": (
            "Hi {first}, still looking in {area}? Two new homes came up this week.",
            "Just checking in, {first}. Any news on your side?",
        ),
        "goodbye": (
            "Understood, {first}. You will not hear from us again unless you write first.",
            "No problem, {first}. All the best, and call if things change.",
        ),
    },
    "es": {
        "welcome": ("¡Gracias por escribir a {brokerage}, {first}! Le respondemos enseguida.",),
        "answer": (
            "Hola {first}, con gusto. ¿Qué presupuesto y zona tiene en mente?",
            "Tengo dos casas en {area} que le pueden gustar. ¿Se las envío?",
        ),
        "nudge": ("Hola {first}, ¿sigue buscando en {area}? Hay casas nuevas esta semana.",),
        "goodbye": ("Entendido, {first}. No le escribiremos más, salvo que usted lo haga.",),
    },
}

SUBJECTS = (
    "New homes in {area} this week",
    "Market update for {city}: prices and days on market",
    "Five questions to ask before an offer",
    "What homes like yours sold for in {area}",
    "Open houses this weekend",
)
NOTES = (
    "Spoke on the phone, sounds motivated. Follow up after the weekend.",
    "Prefers texts in the evening.",
    "Wants to see the school map before the next visit.",
    "Left a voicemail, no answer yet.",
    "Toured two homes, liked the second one better.",
)
FORMS = {
    "first_time_buyer": "First-time buyer guide",
    "move_up": "Buy and sell planner",
    "downsizer": "Downsizing checklist",
    "investor": "Rental yield calculator",
    "luxury": "Private showing request",
    "relocation": "Relocation guide",
    "seller": "Home value request",
}
TAGS = {
    "first_time_buyer": "first-time buyer",
    "move_up": "move-up",
    "downsizer": "downsizing",
    "investor": "investor",
    "luxury": "luxury",
    "relocation": "relocation",
    "seller": "seller",
}
