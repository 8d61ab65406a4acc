# mizan: input webhook
#
# checkout

error("nothing is mapped yet")
