//! A certificate for a first try: made when the binary starts, of no authority, and kept nowhere.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use aerys::{ServerError, Tls};
use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use time::{Duration, OffsetDateTime};

/// For how long it is valid. Some clients take none that is valid for much more than a year.
const VALID_FOR: Duration = Duration::days(365);

/// Clocks differ.
const VALID_BEFORE: Duration = Duration::days(1);

pub(crate) struct SelfSigned {
    pem: String,
    key: String,
    fingerprint: String,
}

impl SelfSigned {
    /// One for this machine by its own names, and for the address that is listened on.
    pub(crate) fn make(listen: IpAddr) -> Result<Self, ServerError> {
        let make = || {
            let key = KeyPair::generate()?;
            Ok((params(listen)?.self_signed(&key)?, key.serialize_pem()))
        };
        // The names are proper ones: what can fail is the system's randomness.
        let made =
            make().map_err(|error: rcgen::Error| ServerError::System(io::Error::other(error)));
        let (certificate, key) = made?;
        let fingerprint = fingerprint(certificate.der());
        Ok(Self { pem: certificate.pem(), key, fingerprint })
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls::from_pem(&*self.pem, &*self.key)
    }

    /// The SHA-256 of the certificate, as browsers show it.
    pub(crate) fn into_fingerprint(self) -> String {
        self.fingerprint
    }
}

fn params(listen: IpAddr) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names(listen))?;
    params.distinguished_name.push(DnType::CommonName, "aerys, self-signed");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - VALID_BEFORE, now + VALID_FOR);
    Ok(params)
}

fn names(listen: IpAddr) -> Vec<String> {
    let mut addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    if !listen.is_unspecified() && !addresses.contains(&listen) {
        addresses.push(listen);
    }
    let addresses = addresses.iter().map(IpAddr::to_string);
    ["localhost".to_owned()].into_iter().chain(addresses).collect()
}

fn fingerprint(der: &[u8]) -> String {
    let digest = digest(&SHA256, der);
    digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_this_machine_and_for_the_address_that_is_listened_on() {
        let usual = ["localhost", "127.0.0.1", "::1"];
        for (listen, more) in [
            ("127.0.0.1", None),
            ("::1", None),
            ("0.0.0.0", None),
            ("::", None),
            ("192.0.2.7", Some("192.0.2.7")),
            ("2001:db8::7", Some("2001:db8::7")),
        ] {
            let expected: Vec<_> = usual.into_iter().chain(more).collect();
            assert_eq!(names(listen.parse().unwrap()), expected, "{listen}");
        }
    }

    #[test]
    fn a_fingerprint_is_written_as_browsers_write_it() {
        // FIPS 180-4: the SHA-256 of nothing.
        let nothing = "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:\
                       27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";
        assert_eq!(fingerprint(&[]), nothing);
    }
}
