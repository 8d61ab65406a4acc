# mizan: input webhook
#
# medusa

error("nothing is mapped yet")
