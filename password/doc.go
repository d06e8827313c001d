// Package password turns passwords into argon2id hashes and checks them, in a bounded number at a
// time. It knows nothing of users, accounts or rate limits: whether somebody may try at all is
// decided above, before a hash is computed.
//
// A password is taken as it was received: never trimmed, cut or folded; spaces and U+0000 count.
// It is hashed in Unicode's NFC, because a keyboard decides between é as one code point and é as
// two, not the person (NIST SP 800-63B-4, normalisation before hashing).
//
// Check refuses the commonest passwords. It knows them by their hashes alone, made from the 10,000
// commonest of SecLists (github.com/danielmiessler/SecLists, Copyright (c) Daniel Miessler, MIT
// License), which counts the ten million passwords that Mark Burnett released to the public domain.
//
// Start with New and Hasher.Verify; Check is the policy for a new password.
package password
