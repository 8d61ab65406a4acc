# mizan: input webhook
#
# Anything that signs by Standard Webhooks and speaks Mizan's own events: one CloudEvent, or an array of them.
# A sender with words of its own needs a mapping of its own beside this scheme (kind = "custom").

.body
| if type == "array" then .[] else . end
| if type == "object" and has("type") and has("data") and has("id") then .
  else error("the body is not an event of Mizan (docs/events.md); a custom connector can map it") end
