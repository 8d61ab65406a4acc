# mizan: input webhook
#
# stripe

error("nothing is mapped yet")
