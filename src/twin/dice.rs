//! Chance that can be repeated: a pure function of a seed and the request's number.

/// What a throw is for: throws for different purposes are independent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Throw {
    /// Which fault strikes.
    Fault,
    /// How much of the jitter is added.
    Jitter,
    /// Which garbage is answered.
    Garbage,
    /// Does the message fail?
    Failed,
    /// For which reason?
    Reason,
    /// Does its first callback come before the answer?
    Early,
    /// Do its callbacks come late?
    Late,
    /// Do they come last first?
    Disordered,
    /// How much longer until this of its states?
    Delay(u8),
    /// Is this of its callbacks lost?
    Lost(u8),
    /// Does it come twice?
    Doubled(u8),
    /// Does a sender's limit double?
    Turn,
}

impl Throw {
    const fn salt(self) -> u64 {
        match self {
            Self::Fault => 1,
            Self::Jitter => 2,
            Self::Garbage => 3,
            Self::Failed => 4,
            Self::Reason => 5,
            Self::Early => 6,
            Self::Late => 7,
            Self::Disordered => 8,
            Self::Turn => 9,
            Self::Delay(index) => 0x100 + index as u64,
            Self::Lost(index) => 0x200 + index as u64,
            Self::Doubled(index) => 0x300 + index as u64,
        }
    }
}

/// At least 0 and below 1.
pub(super) fn share(seed: u64, seq: u64, throw: Throw) -> f64 {
    let upper = u32::try_from(number(seed, seq, throw) >> 32).unwrap_or(u32::MAX);
    f64::from(upper) / (f64::from(u32::MAX) + 1.0)
}

/// Any number.
pub(super) fn number(seed: u64, seq: u64, throw: Throw) -> u64 {
    mix(seed ^ mix(seq ^ mix(throw.salt())))
}

/// The finalizer of `SplitMix64`: each bit of the input moves about half the bits of the output.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
pub(super) const fn mix(input: u64) -> u64 {
    let added = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let once = (added ^ (added >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    twice ^ (twice >> 31)
}
