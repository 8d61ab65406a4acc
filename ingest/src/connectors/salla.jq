# mizan: input webhook
#
# salla

error("nothing is mapped yet")
