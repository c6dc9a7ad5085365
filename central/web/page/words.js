// The page's own words, French first.

const FR = {
  skip: "Aller au contenu", leave: "Quitter", other: "English",
  "live.on": "À jour, en direct.", "live.off": "Plus de lien avec le centre : la page se reconnecte…",
  "signing.title": "Bureau", "signing.name": "Nom", "signing.passphrase": "Phrase secrète", "signing.ok": "Entrer",
  "signing.nobody": "Personne ne peut encore entrer. Au centre, lancez :", "signing.wrong": "Nom ou phrase incorrects.", "signing.wait": "Trop d'essais : attendez une minute.",
  "glance.title": "En un coup d'œil", "glance.books": "Les comptes", "glance.balance": "équilibrés", "glance.broken": "À VÉRIFIER", "glance.shops": "Caisses en ligne",
  "glance.unbooked": "À recevoir des caisses", "glance.risk": "dont {amount} en jeu", "glance.desk": "À décider", "glance.may": "Peut être accepté hors ligne",
  "desk.title": "À décider", "desk.none": "Rien n'attend de décision.", "desk.settled": "Décidé",
  "desk.pay": "Payer le commerçant", "desk.decline": "Ne pas payer", "desk.accept_loss": "Accepter la perte", "desk.lost": "Perte : {amount}", "desk.funded": "payé par le chèque ou la carte : {amount}",
  "desk.credited.merchant": "commerçant crédité", "desk.credited.held": "en attente", "desk.at": "{shop}, le {at}",
  "kind.double_acceptance": "Chèque accepté deux fois", "kind.over_grant": "Accepté au-delà de l'autorisation hors ligne", "kind.shortfall": "Dépensé plus que le solde", "kind.not_sold": "Chèque jamais vendu",
  "kind.double_sale": "Chèque vendu deux fois", "kind.expired": "Accepté après expiration", "kind.unknown_instrument": "Carte ou chèque jamais émis", "kind.void_shortfall": "Annulation impossible en entier",
  "kind.late_void": "Annulé un autre jour", "kind.bad_void": "Annulation sans objet", "kind.fork": "Disque restauré ou copié", "kind.quarantine": "Événement incompris, mis de côté", "kind.conflict": "Même identifiant, autre contenu",
  "decided.pay": "Décidé : payé", "decided.decline": "Décidé : non payé", "decided.accept_loss": "Perte acceptée", "desk.done": "Décision enregistrée.",
  "shops.title": "Caisses", "shops.online": "En ligne", "shops.offline": "Hors ligne", "shops.silent": "Muette", "shops.never": "jamais vue", "shops.seen": "Vue {ago}", "shops.till": "caisse {till}",
  "shops.clear": "Rien à recevoir.", "shops.queue": "{count} à recevoir", "shops.oldest": "la plus ancienne {ago}", "shops.clock": "horloge à confirmer", "shops.config": "configuration {applied} (la plus récente : {newest})", "shops.nogrant": "sans autorisation hors ligne",
  "state.ready": "prêt", "state.opening": "connexion", "state.gone": "absent",
  "books.title": "Comptes", "books.holds": "Toutes les promesses tiennent : {events} événements, {entries} écritures. Vérifié {ago}.", "books.fails": "Une promesse ne tient pas : appelez qui tient le logiciel, ne réglez rien. Vérifié {ago}.", "books.promises": "Ce qui est vérifié",
  "books.programme": "Programme", "books.issued": "Émis et vendu", "books.earned": "Gagné", "books.outstanding": "En circulation", "books.redeemed": "Dépensé", "books.cancelled": "Annulé", "books.loss": "Pertes",
  "events.title": "Dernières opérations", "events.at": "Quand", "events.shop": "Commerce", "events.what": "Opération", "events.amount": "Montant", "events.how": "Comment", "events.offline": "hors ligne", "events.online": "en ligne", "events.training": "entraînement",
  "event.earn": "Gain", "event.redeem": "Dépense", "event.sell": "Vente", "event.void": "Annulation",
  failed: "Pas possible : {reason}",
};

const EN = {
  skip: "Skip to content", leave: "Sign out", other: "Français",
  "live.on": "Up to date, live.", "live.off": "No link to the centre: the page reconnects…",
  "signing.title": "Office", "signing.name": "Name", "signing.passphrase": "Passphrase", "signing.ok": "Sign in",
  "signing.nobody": "Nobody can sign in yet. At the centre, run:", "signing.wrong": "Wrong name or passphrase.", "signing.wait": "Too many tries: wait a minute.",
  "glance.title": "At a glance", "glance.books": "The books", "glance.balance": "balance", "glance.broken": "TO BE CHECKED", "glance.shops": "Boxes online",
  "glance.unbooked": "To come from the boxes", "glance.risk": "{amount} of it at risk", "glance.desk": "To decide", "glance.may": "May be accepted offline",
  "desk.title": "To decide", "desk.none": "Nothing waits for a decision.", "desk.settled": "Decided",
  "desk.pay": "Pay the merchant", "desk.decline": "Don't pay", "desk.accept_loss": "Accept the loss", "desk.lost": "Loss: {amount}", "desk.funded": "paid by the voucher or card: {amount}",
  "desk.credited.merchant": "merchant credited", "desk.credited.held": "waits", "desk.at": "{shop}, {at}",
  "kind.double_acceptance": "Voucher taken twice", "kind.over_grant": "Accepted beyond the offline grant", "kind.shortfall": "Spent more than the balance", "kind.not_sold": "Voucher never sold",
  "kind.double_sale": "Voucher sold twice", "kind.expired": "Taken after expiry", "kind.unknown_instrument": "Card or voucher never issued", "kind.void_shortfall": "Void that couldn't take all back",
  "kind.late_void": "Voided on another day", "kind.bad_void": "Void of nothing", "kind.fork": "Restored or copied disk", "kind.quarantine": "Event not understood, set aside", "kind.conflict": "Same id, other content",
  "decided.pay": "Decided: paid", "decided.decline": "Decided: not paid", "decided.accept_loss": "Loss accepted", "desk.done": "The decision is recorded.",
  "shops.title": "Boxes", "shops.online": "Online", "shops.offline": "Offline", "shops.silent": "Silent", "shops.never": "never seen", "shops.seen": "Seen {ago}", "shops.till": "till {till}",
  "shops.clear": "Nothing to come.", "shops.queue": "{count} to come", "shops.oldest": "the oldest {ago}", "shops.clock": "clock to be confirmed", "shops.config": "configuration {applied} (newest: {newest})", "shops.nogrant": "no offline grant",
  "state.ready": "ready", "state.opening": "connecting", "state.gone": "gone",
  "books.title": "Books", "books.holds": "Every promise holds: {events} events, {entries} entries. Checked {ago}.", "books.fails": "A promise does not hold: call who keeps the software, settle nothing. Checked {ago}.", "books.promises": "What is checked",
  "books.programme": "Programme", "books.issued": "Issued and sold", "books.earned": "Earned", "books.outstanding": "Outstanding", "books.redeemed": "Redeemed", "books.cancelled": "Cancelled", "books.loss": "Losses",
  "events.title": "Latest operations", "events.at": "When", "events.shop": "Shop", "events.what": "Operation", "events.amount": "Amount", "events.how": "How", "events.offline": "offline", "events.online": "online", "events.training": "training",
  "event.earn": "Earn", "event.redeem": "Redemption", "event.sell": "Sale", "event.void": "Void",
  failed: "Not possible: {reason}",
};

const WORDS = { fr: FR, en: EN };

/** A function that gives a sentence in a language. */
export function speaker(language) {
  const words = WORDS[language];
  return (name, given = {}) => (words[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => given[key] ?? "");
}

/** Minor units as people read them; integers all the way: no float ever holds an amount. */
export function money(minor, currency, language) {
  const sign = minor < 0 ? "-" : "";
  const digits = String(Math.abs(minor)).padStart(3, "0");
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, language === "fr" ? "\u202f" : ",");
  const symbol = currency === "EUR" ? "€" : currency;
  return language === "fr" ? `${sign}${whole},${digits.slice(-2)}\u00a0${symbol}` : `${sign}${symbol}${whole}.${digits.slice(-2)}`;
}

/** How long ago, in words. */
export function ago(iso, language, now = Date.now()) {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, size]) => -seconds >= size) ?? ["second", 1];
  return words.format(Math.trunc(Math.min(0, seconds) / size), unit);
}

/** A moment, in words. */
export function moment(iso, language) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}
