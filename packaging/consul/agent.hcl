# Consul's policy for the token of one gateway: of gw-fra-1, put its own name in the place of that.
#   consul acl policy create -name peerage-gw-fra-1 -rules @agent.hcl
#   consul acl token create -policy-name peerage-gw-fra-1
# It reads its own peers, preshared keys included, and nobody else's; it writes its registration.

# Its peers, and what tells it that they changed.
key_prefix "peerage/v1/at/gw-fra-1/" {
  policy = "read"
}
# Its claim on the name, and the rings, of which it removes those that are old.
key_prefix "peerage/v1/rings/gw-fra-1/" {
  policy = "write"
}

# Its registration and its key for the bus.
key "peerage/v1/gateways/gw-fra-1" {
  policy = "write"
}
key "peerage/v1/bus/gateways/gw-fra-1" {
  policy = "write"
}
# Its number is the first that is free; a number that another has can't be taken, only spoilt for
# those who come later. Once it is registered this may be "read".
key_prefix "peerage/v1/numbers/" {
  policy = "write"
}
# Who else is there, so that it finds a free number: names, endpoints, public keys.
key_prefix "peerage/v1/gateways/" {
  policy = "read"
}

# Whom it believes on the bus.
key_prefix "peerage/v1/bus/apis/" {
  policy = "read"
}
# The store's identity and its index.
key "peerage/v1/epoch" {
  policy = "read"
}
key "peerage/v1/none" {
  policy = "read"
}
