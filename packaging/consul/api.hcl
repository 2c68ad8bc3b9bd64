# Consul's policy for the token of the API processes: everything of Peerage's, and nothing else.
#   consul acl policy create -name peerage-api -rules @api.hcl
#   consul acl token create -policy-name peerage-api
key_prefix "peerage/v1/" {
  policy = "write"
}
