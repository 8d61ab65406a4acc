# mizan: input webhook
#
# carrier

error("nothing is mapped yet")
