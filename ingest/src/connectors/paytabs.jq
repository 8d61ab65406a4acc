# mizan: input webhook
#
# paytabs

error("nothing is mapped yet")
