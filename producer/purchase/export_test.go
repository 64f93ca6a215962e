package purchase

// MemberCount is how many members Decode knows.
const MemberCount = len(members)
