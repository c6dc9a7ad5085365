// The page's own words, French first, and amounts and times as people read them.

const FR = {
  skip: "Aller au contenu", leave: "Quitter", other: "English",
  "live.on": "À jour, en direct", "live.off": "Plus de lien avec le centre : la page se reconnecte…", "live.full": "Trop de pages du bureau sont ouvertes. Fermez-en une.",
  failed: "Cela n'a pas marché (erreur {status}). Réessayez ; si cela dure, appelez l'assistance.",
  "signing.title": "Bureau", "signing.name": "Nom", "signing.passphrase": "Phrase secrète", "signing.ok": "Entrer", "signing.example": "claire",
  "signing.nobody": "Personne ne peut encore entrer. Sur la machine du centre, lancez :",
  "verdict.well": "Tout va bien.", "verdict.look": "À regarder quand vous pourrez.", "verdict.trouble": "À regarder maintenant.",
  "reason.none": "Boutiques en ligne, livres justes, rien à décider.", "reason.books": "Les livres ne sont pas justes : ne payez rien, appelez l'assistance.",
  "reason.link": "Le centre n'entend plus aucune caisse depuis {since}. Elles continuent seules ; faites vérifier le serveur de messages.",
  "reason.decide.one": "Une décision vous attend.", "reason.decide.many": "{count} décisions vous attendent.",
  "reason.know.one": "Une chose est à savoir au bureau.", "reason.know.many": "{count} choses sont à savoir au bureau.",
  "reason.silent.one": "Une caisse est muette.", "reason.silent.many": "{count} caisses sont muettes.",
  "reason.late.one": "Une caisse garde des opérations depuis trop longtemps.", "reason.late.many": "{count} caisses gardent des opérations depuis trop longtemps.",
  "reason.away.one": "Une caisse est hors ligne.", "reason.away.many": "{count} caisses sont hors ligne.",
  "reason.device.one": "Un appareil manque dans une boutique.", "reason.device.many": "Des appareils manquent à {count} caisses.",
  "reason.never.one": "Une caisse n'a pas fini son installation.", "reason.never.many": "{count} caisses n'ont pas fini leur installation.",
  "reason.clock.one": "L'heure d'une caisse est à confirmer.", "reason.clock.many": "L'heure de {count} caisses est à confirmer.",
  "reason.configuration.one": "Une caisse n'a pas encore ses nouveaux réglages.", "reason.configuration.many": "{count} caisses n'ont pas encore leurs nouveaux réglages.",
  "tile.shops": "Caisses en ligne", "tile.shops.note": "en ce moment", "tile.queue": "Opérations à recevoir", "tile.queue.risk": "{amount} en jeu", "tile.queue.none": "tout est arrivé", "tile.queue.some": "aux dernières nouvelles",
  "tile.books": "Livres", "tile.books.well": "Justes", "tile.books.trouble": "Faux", "tile.books.checking": "…", "tile.desk": "À décider", "tile.desk.some": "au bureau", "tile.desk.none": "rien n'attend",
  "tile.may": "Risque hors ligne", "tile.may.note": "au plus, si tout est coupé",
  "desk.title": "À décider", "desk.none": "Rien n'attend de décision.", "desk.decided": "Dernières décisions", "desk.done": "Décision enregistrée.", "desk.seen": "C'est noté.",
  "desk.known.one": "Une chose à savoir", "desk.known.many": "{count} choses à savoir", "desk.lost": "{amount} de perte pour le programme",
  "desk.funded": "{amount} pris sur la carte ou le chèque", "desk.unfunded": "{amount} à la charge du programme",
  "desk.credited.merchant": "Commerçant payé", "desk.credited.held": "Commerçant pas encore payé",
  "desk.reason": "Raison : {reason}", "desk.holds": "Garde une autorisation ouverte.", "desk.raw": "Ce qui est arrivé", "desk.some": "{shown} sur {count}", "desk.row": "Opération mise de côté",
  "decide.pay": "Payer {amount} à {shop}", "decide.decline": "Ne pas payer", "decide.accept_loss": "Accepter la perte de {amount}", "decide.acknowledge": "Vu",
  "sure.pay": "{shop} sera payé, bien que rien ne couvrait cette opération. La décision reste.", "sure.decline": "{shop} ne sera pas payé de {amount} ; la carte ou le chèque garde sa valeur. La décision reste.",
  "sure.accept_loss": "Le programme garde cette perte à sa charge ; les commerçants restent payés. La décision reste.", "sure.no": "Annuler",
  "decided.pay": "Payé, décidé par {by}", "decided.decline": "Non payé, décidé par {by}", "decided.accept_loss": "Perte acceptée par {by}", "decided.acknowledge": "Vu par {by}",
  "kind.double_acceptance": "Chèque accepté plusieurs fois", "kind.over_grant": "Accepté au-delà de l'autorisation hors ligne", "kind.shortfall": "Dépensé plus que le solde", "kind.not_sold": "Chèque jamais vendu",
  "kind.double_sale": "Chèque vendu deux fois", "kind.expired": "Accepté après expiration", "kind.unknown_instrument": "Carte ou chèque jamais émis", "kind.void_shortfall": "Annulation impossible en entier",
  "kind.late_void": "Annulé un autre jour", "kind.bad_void": "Annulation sans objet", "kind.forks": "Disque restauré ou copié", "kind.quarantine": "Opération incomprise, mise de côté", "kind.conflicts": "Même numéro, autre contenu", "kind.gaps": "Des opérations manquent",
  "about.double_acceptance": "Plusieurs boutiques l'ont pris sans pouvoir se voir ; la première est payée par le chèque.", "about.over_grant": "La boutique n'en avait pas le droit sans demander : décidez si elle est payée.",
  "about.shortfall": "La carte ne portait pas assez au moment où tout est arrivé.",
  "about.quarantine": "Rien n'est compté tant qu'on ne sait pas ce que c'est. Montrez-le à l'assistance.", "about.conflicts": "Le premier contenu est compté, pas celui-ci. Montrez-le à l'assistance.",
  "about.forks": "La caisse continue seule, rien n'est perdu. Demandez si son disque a été restauré ou copié.", "about.gaps": "La caisse les renvoie d'elle-même dès qu'elle est reliée.",
  "shops.title": "Boutiques", "shops.none": "Pas encore de boutique : comptoir-central shop add …", "shops.no_box": "Pas encore de caisse.",
  "box.online": "En ligne", "box.away": "Hors ligne", "box.silent": "Muette", "box.unheard": "Sans nouvelles", "box.never": "Jamais vue", "box.seen": "vue {ago}", "box.till": "caisse {till}",
  "box.clear": "Tout est arrivé.", "box.queue.one": "Une opération à recevoir", "box.queue.many": "{count} opérations à recevoir", "box.risk": "en jeu", "device.state": "{name} : {state}", "box.oldest": "la plus ancienne {ago}",
  "box.software": "logiciel {software}", "box.config": "réglages {applied}", "box.config.old": "réglages {applied} au lieu de {newest}", "box.clock.synced": "à l'heure", "box.clock.suspect": "heure à confirmer", "box.nogrant": "sans autorisation hors ligne",
  "todo.never": "L'installation n'est pas finie.", "todo.silent": "Appelez la boutique : sa caisse ne donne plus de nouvelles.", "todo.away": "Peut-être fermée. Rien à faire si cela ne dure pas.",
  "todo.late": "Ces opérations devraient être arrivées : vérifiez sa connexion, ne débranchez pas la caisse.", "todo.device": "Un appareil ne répond pas ; l'écran de la boutique dit quoi faire.",
  "todo.clock": "Son heure se confirme seule à la prochaine connexion.", "todo.configuration": "Ses nouveaux réglages arrivent ; appelez si cela dure.",
  "state.ready": "en ordre", "state.opening": "se connecte", "state.gone": "ne répond pas", "device.scanner": "lecteur", "device.camera": "caméra", "device.printer": "imprimante",
  "books.title": "Livres", "books.well": "Justes : chaque promesse tient. Événements : {events}, écritures : {entries}.", "books.trouble": "Une promesse ne tient pas : ne payez rien, appelez l'assistance.", "books.checked": "Vérifiés {ago}.", "books.checking": "Vérification en cours.", "books.promises": "Ce qui est vérifié",
  "books.outstanding": "En circulation", "books.issued": "Émis", "books.sold": "Vendu", "books.earned": "Gagné", "books.redeemed": "Dépensé", "books.cancelled": "Annulé", "books.loss": "Pertes", "books.held": "En attente de décision",
  "promise.every entry sums to zero": "Chaque écriture s'équilibre", "promise.the ledger equals the fold from scratch": "Les soldes sont ceux de toutes les opérations, recomptées", "promise.each event is booked once": "Chaque opération est comptée une fois",
  "promise.issued + sold + earned = outstanding + redeemed + cancelled": "Émis + vendu + gagné = en circulation + dépensé + annulé", "promise.the registry equals the fold, and no balance is below zero": "Chaque carte et chèque porte ce qu'il doit, jamais moins que zéro",
  "promise.the desk's findings equal the fold's": "Le bureau montre tout ce qu'il faut", "promise.no acknowledged row lost its event": "Rien de ce qui fut confirmé n'est perdu",
  "events.title": "Dernières opérations", "events.none": "Pas encore d'opération.", "how.online": "en ligne", "how.offline": "hors ligne",
  "event.earn": "Gain", "event.redeem": "Dépense", "event.sell": "Vente", "event.void": "Annulation",
  "booked.booked": "compté", "booked.held": "en attente de décision", "booked.lost": "compté, avec perte", "booked.capped": "compté jusqu'au plafond", "booked.disputed": "argent à qui de droit", "booked.training": "entraînement", "booked.declined": "non payé", "booked.nothing": "sans effet",
};

const EN = {
  skip: "Skip to content", leave: "Sign out", other: "Français",
  "live.on": "Up to date, live", "live.off": "No link to the centre: the page reconnects…", "live.full": "Too many pages of the office are open. Close one.",
  failed: "That didn't work (error {status}). Try again; if it lasts, call support.",
  "signing.title": "Office", "signing.name": "Name", "signing.passphrase": "Passphrase", "signing.ok": "Sign in", "signing.example": "claire",
  "signing.nobody": "Nobody can sign in yet. On the centre's machine, run:",
  "verdict.well": "All is well.", "verdict.look": "Worth a look when you can.", "verdict.trouble": "Needs you now.",
  "reason.none": "Shops online, books right, nothing to decide.", "reason.books": "The books aren't right: pay nothing, call support.",
  "reason.link": "The centre has heard no till since {since}. They carry on by themselves; have the message server checked.",
  "reason.decide.one": "One decision waits for you.", "reason.decide.many": "{count} decisions wait for you.",
  "reason.know.one": "There is one thing to know at the desk.", "reason.know.many": "There are {count} things to know at the desk.",
  "reason.silent.one": "One till is silent.", "reason.silent.many": "{count} tills are silent.",
  "reason.late.one": "One till has kept operations for too long.", "reason.late.many": "{count} tills have kept operations for too long.",
  "reason.away.one": "One till is offline.", "reason.away.many": "{count} tills are offline.",
  "reason.device.one": "A device is missing in a shop.", "reason.device.many": "Devices are missing at {count} tills.",
  "reason.never.one": "One till isn't fully installed.", "reason.never.many": "{count} tills aren't fully installed.",
  "reason.clock.one": "The time of one till is to be confirmed.", "reason.clock.many": "The time of {count} tills is to be confirmed.",
  "reason.configuration.one": "One till doesn't have its new settings yet.", "reason.configuration.many": "{count} tills don't have their new settings yet.",
  "tile.shops": "Tills online", "tile.shops.note": "right now", "tile.queue": "Operations to come", "tile.queue.risk": "{amount} at risk", "tile.queue.none": "all have come", "tile.queue.some": "as last heard",
  "tile.books": "Books", "tile.books.well": "Right", "tile.books.trouble": "Wrong", "tile.books.checking": "…", "tile.desk": "To decide", "tile.desk.some": "at the desk", "tile.desk.none": "nothing waits",
  "tile.may": "Offline risk", "tile.may.note": "at most, if all is cut off",
  "desk.title": "To decide", "desk.none": "Nothing waits for a decision.", "desk.decided": "Latest decisions", "desk.done": "The decision is recorded.", "desk.seen": "Noted.",
  "desk.known.one": "One thing to know", "desk.known.many": "{count} things to know", "desk.lost": "{amount} lost to the programme",
  "desk.funded": "{amount} taken from the card or voucher", "desk.unfunded": "{amount} borne by the programme",
  "desk.credited.merchant": "Merchant paid", "desk.credited.held": "Merchant not paid yet",
  "desk.reason": "Reason: {reason}", "desk.holds": "Holds an authorisation open.", "desk.raw": "What came", "desk.some": "{shown} of {count}", "desk.row": "Operation set aside",
  "decide.pay": "Pay {shop} {amount}", "decide.decline": "Don't pay", "decide.accept_loss": "Accept the loss of {amount}", "decide.acknowledge": "Seen",
  "sure.pay": "{shop} will be paid, though nothing covered this operation. The decision stays.", "sure.decline": "{shop} won't be paid {amount}; the card or voucher keeps its value. The decision stays.",
  "sure.accept_loss": "The programme bears this loss; the merchants stay paid. The decision stays.", "sure.no": "Cancel",
  "decided.pay": "Paid, decided by {by}", "decided.decline": "Not paid, decided by {by}", "decided.accept_loss": "Loss accepted by {by}", "decided.acknowledge": "Seen by {by}",
  "kind.double_acceptance": "Voucher taken more than once", "kind.over_grant": "Taken beyond the offline grant", "kind.shortfall": "Spent more than the balance", "kind.not_sold": "Voucher never sold",
  "kind.double_sale": "Voucher sold twice", "kind.expired": "Taken after expiry", "kind.unknown_instrument": "Card or voucher never issued", "kind.void_shortfall": "Void that couldn't take all back",
  "kind.late_void": "Voided on another day", "kind.bad_void": "Void of nothing", "kind.forks": "Restored or copied disk", "kind.quarantine": "Operation not understood, set aside", "kind.conflicts": "Same number, other content", "kind.gaps": "Operations are missing",
  "about.double_acceptance": "Several shops took it while they couldn't see each other; the voucher pays the first.", "about.over_grant": "The shop had no right to this without asking: decide whether it is paid.",
  "about.shortfall": "The card didn't hold enough once everything had come.",
  "about.quarantine": "Nothing counts until somebody knows what it is. Show it to support.", "about.conflicts": "The first content counts, not this one. Show it to support.",
  "about.forks": "The till carries on by itself, nothing is lost. Ask whether its disk was restored or copied.", "about.gaps": "The till sends them again by itself once it is connected.",
  "shops.title": "Shops", "shops.none": "No shops yet: comptoir-central shop add …", "shops.no_box": "No till yet.",
  "box.online": "Online", "box.away": "Offline", "box.silent": "Silent", "box.unheard": "No news", "box.never": "Never seen", "box.seen": "seen {ago}", "box.till": "till {till}",
  "box.clear": "Everything has come.", "box.queue.one": "One operation to come", "box.queue.many": "{count} operations to come", "box.risk": "at risk", "device.state": "{name}: {state}", "box.oldest": "the oldest {ago}",
  "box.software": "software {software}", "box.config": "settings {applied}", "box.config.old": "settings {applied} instead of {newest}", "box.clock.synced": "clock right", "box.clock.suspect": "time to be confirmed", "box.nogrant": "no offline grant",
  "todo.never": "The installation isn't finished.", "todo.silent": "Call the shop: its till gives no news any more.", "todo.away": "Perhaps closed. Nothing to do unless it lasts.",
  "todo.late": "These operations should have come: check its connection, don't unplug the till.", "todo.device": "A device doesn't answer; the shop's screen says what to do.",
  "todo.clock": "Its time confirms itself at the next connection.", "todo.configuration": "Its new settings are on their way; call if it lasts.",
  "state.ready": "fine", "state.opening": "connecting", "state.gone": "doesn't answer", "device.scanner": "scanner", "device.camera": "camera", "device.printer": "printer",
  "books.title": "Books", "books.well": "Right: every promise holds. Events: {events}, entries: {entries}.", "books.trouble": "A promise does not hold: pay nothing, call support.", "books.checked": "Checked {ago}.", "books.checking": "Being checked.", "books.promises": "What is checked",
  "books.outstanding": "Outstanding", "books.issued": "Issued", "books.sold": "Sold", "books.earned": "Earned", "books.redeemed": "Redeemed", "books.cancelled": "Cancelled", "books.loss": "Losses", "books.held": "Waiting for a decision",
  "events.title": "Latest operations", "events.none": "No operations yet.", "how.online": "online", "how.offline": "offline",
  "event.earn": "Earn", "event.redeem": "Redemption", "event.sell": "Sale", "event.void": "Void",
  "booked.booked": "booked", "booked.held": "waits for a decision", "booked.lost": "booked, with a loss", "booked.capped": "booked up to the cap", "booked.disputed": "cash owed to somebody", "booked.training": "training", "booked.declined": "not paid", "booked.nothing": "no effect",
};

const WORDS = { fr: FR, en: EN };

/** A function that gives a sentence in a language; a name without one comes back as it is. */
export function speaker(language) {
  const words = WORDS[language];
  return (name, given = {}) => (words[name] ?? name).replace(/\{(\w+)\}/g, (found, key) => given[key] ?? found);
}

/** Minor units as people read them; integers all the way: no float ever holds an amount. */
export function money(minor, currency, language) {
  const sign = minor < 0 ? "-" : "";
  const digits = String(Math.abs(minor)).padStart(3, "0");
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, language === "fr" ? "\u202f" : ",");
  const symbol = currency === "EUR" ? "€" : currency;
  return language === "fr" ? `${sign}${whole},${digits.slice(-2)}\u00a0${symbol}` : `${sign}${symbol}${whole}.${digits.slice(-2)}`;
}

/** Several currencies are told side by side, never added up. */
export function amounts(byCurrency, language) {
  const some = Object.entries(byCurrency).filter(([, minor]) => minor !== 0);
  return some.map(([currency, minor]) => money(minor, currency, language)).join(" + ");
}

/** How long ago, in words. */
export function ago(iso, language, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  if (seconds < 60) return language === "fr" ? "à l'instant" : "just now";
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, length]) => seconds >= length);
  return words.format(-Math.floor(seconds / size), unit);
}

/** A moment, in words: the time today, else the day as well. */
export function moment(iso, language, now = new Date()) {
  const then = new Date(iso);
  const isToday = then.toDateString() === now.toDateString();
  const form = isToday ? { timeStyle: "short" } : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(language, form).format(then);
}
