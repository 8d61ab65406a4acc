//! What the name of a field says about its value.

/// What a field's name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// A security code: never kept, nor anything inside an object or list of this name.
    Code,
    /// PIN or magnetic track, password or access token: never kept.
    Secret,
    /// A card number.
    CardNumber,
    /// Something that other things refer to, or a person is called by.
    Identifier,
    /// Nothing.
    Other,
}

/// Ends of the names of fields that hold identifiers.
const IDENTIFIERS: [&str; 29] = [
    "id",
    "ids",
    "number",
    "numbers",
    "no",
    "num",
    "code",
    "barcode",
    "sku",
    "ean",
    "gtin",
    "upc",
    "isbn",
    "phone",
    "mobile",
    "tel",
    "fax",
    "whatsapp",
    "tracking",
    "awb",
    "iban",
    "reference",
    "ref",
    "url",
    "urls",
    "link",
    "href",
    "handle",
    "key",
];

/// Reads a field's name as a person would: case, underscores and dashes do not matter.
pub(crate) fn context(name: &str) -> Context {
    if name.len() > 40 {
        return Context::Other;
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    match plain.as_str() {
        "cvv"
        | "cvc"
        | "cvv2"
        | "cvc2"
        | "csc"
        | "cav2"
        | "cvn"
        | "securitycode"
        | "cardsecuritycode"
        | "cardcvv"
        | "cardcvc"
        | "cardcvv2"
        | "cardcvc2"
        | "cccvv"
        | "cccvc"
        | "creditcardcvv"
        | "creditcardcvc"
        | "cvvnumber"
        | "cvcnumber"
        | "cvvcode"
        | "cvccode"
        | "cvv2code"
        | "verificationvalue"
        | "cardverificationvalue" => Context::Code,
        "cid" | "pin" | "pinblock" | "pinnumber" | "cardpin" | "track" | "track1" | "track2" | "track3"
        | "trackdata" | "track1data" | "track2data" | "magstripe" | "fulltrack" | "password" | "accesstoken"
        | "refreshtoken" | "clientsecret" | "secrettoken" => Context::Secret,
        "pan"
        | "cardnumber"
        | "cardno"
        | "cardnum"
        | "ccnumber"
        | "ccnum"
        | "creditcard"
        | "creditcardnumber"
        | "debitcardnumber"
        | "primaryaccountnumber"
        | "accountnumberpan" => Context::CardNumber,
        other if IDENTIFIERS.iter().any(|end| other.ends_with(end)) => Context::Identifier,
        _ => Context::Other,
    }
}

/// Whether an object of this name is a card, so that the bare name `number` in it means a card's.
pub(crate) fn is_card(name: &str) -> bool {
    matches!(name, "card" | "credit_card" | "creditCard" | "payment_card" | "source")
}
