# mizan: input webhook
#
# aftership

error("nothing is mapped yet")
