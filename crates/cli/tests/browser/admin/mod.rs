//! The admin page in a real browser, as an operator sits before it: who is let in, what is seen, what is done, by mouse
//! and by keyboard, on a desk and on a phone.

mod cluster;
mod operator;
mod picture;
mod visitors;

use rustix::process::Signal;

use self::{
    operator::{Operator, Site, TOKEN},
    visitors::owe,
};
use crate::driver::Browser;

const NO_ERRORS: [&str; 0] = [];

#[tokio::test]
async fn a_slow_client_is_seen_in_the_table_and_closed_from_there_and_its_code_is_in_the_plot() {
    let site = Site::serve(None).await;
    assert!(site.page.contains("/#token="), "{}", site.page);
    let browser = Browser::start().await;
    let operator = Operator::open(&browser, &site.page).await;
    operator.sees_overview().await;
    // What is printed is not left in the address, and so in no picture and no history.
    let address = browser.client().current_url().await.unwrap();
    assert_eq!((address.fragment(), address.path()), (None, "/"));

    let slow = owe(site.server.address()).await;
    let row = "//*[@id='slowest']/tbody/tr[contains(., 'localhost/echo')]";
    operator
        .sees(&format!(
            "{row}[contains(., '127.0.0.1')]/td[@data-label='Queued' and contains(., 'iB')]"
        ))
        .await;
    let id = operator.text(&format!("{row}/th")).await.lines().next().unwrap().to_owned();
    operator.click(&format!("{row}//button")).await;
    operator.sees(&format!("//dialog[@open]//h2[.='Close client {id}?']")).await;
    // Whoever thinks better of it has done nothing.
    operator.click("//*[@id='question-cancel']").await;
    operator.sees("//dialog[not(@open)]").await;
    operator.click(&format!("{row}//button")).await;
    operator.click("//*[@id='code']/option[@value='1008']").await;
    operator.write("//*[@id='reason']", "too slow").await;
    operator.click("//*[@id='question-yes']").await;
    operator.sees(&format!("//*[@id='notices']/p[.='Client {id} is closed with 1008.']")).await;
    operator.sees("//dialog[not(@open)]").await;

    // In the picture, in what that says of itself, and in the table of the same.
    operator.sees("//*[@id='plot-closes']//*[name()='rect' and @data-code='1008']").await;
    operator.sees("//*[@id='plot-closes']//ul//li[normalize-space()='1008 policy 1']").await;
    operator.click("//*[@id='plot-closes']//summary").await;
    operator.sees("//*[@id='plot-closes']//thead/tr/th[2][.='1008 policy']").await;
    operator.sees("//*[@id='plot-closes']//tbody/tr/td[.='1']").await;
    operator.sees("//*[@id='slowest']/tbody[not(tr)]").await;
    operator.sees("//*[@id='endpoints']/tbody/tr[th='localhost/echo']/td[@data-label='Clients' and .='0']").await;
    assert_eq!(browser.errors().await, NO_ERRORS);
    slow.abort();
    browser.close().await.unwrap();
}

#[tokio::test]
async fn all_of_it_is_done_by_keyboard_too() {
    let site = Site::serve(Some(TOKEN)).await;
    let slow = owe(site.server.address()).await;
    let browser = Browser::start().await;
    let operator = Operator::open(&browser, &site.page).await;
    // A form comes with its field ready to be written into.
    operator.keys(&format!("{TOKEN}\n")).await;
    operator.sees_overview().await;
    operator.sees("//*[@id='slowest']/tbody/tr").await;

    operator.tabs_to("document.activeElement.closest('#plot-messages .canvas')").await;
    operator.keys("\u{e012}").await;
    operator.sees("//*[@id='plot-messages']//*[@class='tip' and not(@hidden)]").await;
    let last =
        operator.attribute("//*[@id='plot-messages']//*[@role='slider']", "aria-valuetext").await;
    assert!(last.contains("received") && last.contains("sent") && last.contains("/s"), "{last}");
    operator.keys("\u{e012}\u{e012}").await;
    let before =
        operator.attribute("//*[@id='plot-messages']//*[@role='slider']", "aria-valuetext").await;
    assert_ne!(before, last);
    operator.keys("\u{e00c}").await;
    operator.sees("//*[@id='plot-messages']//*[@class='tip' and @hidden]").await;

    operator.tabs_to("document.activeElement.closest('#slowest button')").await;
    operator.keys("\n").await;
    operator.sees("//dialog[@open]").await;
    operator.keys("\u{e00c}").await;
    operator.sees("//dialog[not(@open)]").await;
    operator.keys("\n").await;
    operator.sees("//dialog[@open]").await;
    // The code is chosen by its first digits, and a line is ended by Enter.
    operator.keys("1012\u{e004}").await;
    operator.keys("by hand\n").await;
    operator.sees("//*[@id='notices']/p[contains(., 'is closed with 1012')]").await;
    operator.sees("//*[@id='plot-closes']//*[name()='rect' and @data-code='1012']").await;
    assert_eq!(browser.errors().await, NO_ERRORS);
    slow.abort();
    browser.close().await.unwrap();
}

#[tokio::test]
async fn whoever_does_not_know_the_token_is_asked_for_it() {
    let site = Site::serve(Some(TOKEN)).await;
    let browser = Browser::start().await;
    let page = &*site.page;
    let operator = Operator::open(&browser, page).await;
    operator.sees("//*[@id='login' and not(@hidden)]//h2[.='Who are you?']").await;
    operator.sees("//*[@id='overview' and @hidden]").await;
    for (written, problem) in [
        ("", "Write the token."),
        ("not-the-token-of-this", "That is not the token of this server."),
        ("nor this one, with spaces", "That is not the token of this server."),
    ] {
        operator.write("//*[@id='token']", written).await;
        operator.click("//*[@id='login-form']//button").await;
        operator
            .sees(&format!("//*[@id='token-problem' and @role='alert' and .='{problem}']"))
            .await;
        operator.sees("//*[@id='token' and @aria-invalid='true']").await;
    }
    operator.write("//*[@id='token']", TOKEN).await;
    operator.click("//*[@id='login-form']//button").await;
    operator.sees_overview().await;
    // This tab knows it now, until it is told to forget it.
    browser.client().refresh().await.unwrap();
    operator.sees_overview().await;
    operator.click("//*[@id='forget']").await;
    operator.sees("//*[@id='login' and not(@hidden)]").await;
    // A wrong one in the address asks as well.
    let operator = Operator::open(&browser, &format!("{page}#token=0123456789abcdef")).await;
    operator.sees("//*[@id='token-problem' and contains(., 'not the token')]").await;
    let operator = Operator::open(&browser, &format!("{page}#token={TOKEN}")).await;
    operator.sees_overview().await;
    browser.close().await.unwrap();
}

#[tokio::test]
async fn the_server_is_reloaded_and_drained_after_a_question_and_the_page_waits_for_its_return() {
    let mut site = Site::serve(Some(TOKEN)).await;
    let page = site.page.clone();
    let browser = Browser::start().await;
    let operator = Operator::open(&browser, &format!("{page}#token={TOKEN}")).await;
    operator.sees_overview().await;
    operator.click("//*[@id='reload']").await;
    operator.sees("//dialog[@open]//h2[.='Reload the configuration?']").await;
    operator.click("//*[@id='question-yes']").await;
    operator
        .sees("//*[@id='notices']/p[.='Reloaded; endpoints: 1 kept, 0 started, 0 ended.']")
        .await;
    site.write("[[host]]\nname = 'localhost'\nnmae = 'x'\n");
    operator.click("//*[@id='reload']").await;
    operator.click("//*[@id='question-yes']").await;
    operator
        .sees("//*[@id='question-problem' and contains(., 'unknown key \"nmae\" of a host')]")
        .await;
    operator.click("//*[@id='question-cancel']").await;
    operator.click("//*[@id='drain']").await;
    operator.sees("//dialog[@open]//h2[.='Drain the server?']").await;
    operator.click("//*[@id='question-yes']").await;
    operator.sees("//*[@id='connection' and @data-state='lost' and .='Not connected']").await;
    operator.sees("//*[@id='lost' and not(@hidden)]").await;
    assert!(site.server.ended().await.success());

    let address = page.strip_prefix("http://").unwrap().trim_end_matches('/');
    let back = Site::serve_on(address, Some(TOKEN)).await;
    operator.click("//*[@id='retry']").await;
    operator.sees_overview().await;
    operator.sees("//*[@id='lost' and @hidden]").await;
    back.server.signal(Signal::TERM);
    operator.sees("//*[@id='connection' and @data-state='lost']").await;
    browser.close().await.unwrap();
}

#[tokio::test]
async fn it_is_no_wider_than_a_phone_and_everything_has_a_name() {
    let site = Site::serve(Some(TOKEN)).await;
    let slow = owe(site.server.address()).await;
    let browser = Browser::start().await;
    let operator = Operator::open(&browser, &site.page).await;
    operator.is_as_wide_as(360).await;
    assert!(operator.fits().await, "the form is wider than the phone");
    operator.keys(&format!("{TOKEN}\n")).await;
    operator.sees_overview().await;
    operator.sees("//*[@id='slowest']/tbody/tr").await;
    for plot in ["messages", "bytes", "clients", "closes"] {
        operator.click(&format!("//*[@id='plot-{plot}']//summary")).await;
    }
    assert!(operator.fits().await, "the page is wider than the phone");

    let tree = operator.accessibility().await;
    for (role, name) in [
        ("heading", "Messages"),
        ("heading", "Slowest clients"),
        ("slider", "Messages: arrow keys go from point to point"),
        ("slider", "Closed clients, by code: arrow keys go from point to point"),
        ("radio", "By queued bytes"),
        ("button", "Reload…"),
        ("log", "What was done"),
        ("status", ""),
        ("main", ""),
    ] {
        assert!(tree.iter().any(|it| it.0 == role && it.1 == name), "{role} {name}: {tree:?}");
    }
    assert!(
        tree.iter().any(|(role, name)| role == "button" && name.starts_with("Close client ")),
        "{tree:?}"
    );
    for (role, name) in &tree {
        let needs_name =
            ["button", "slider", "radio", "textbox", "link", "combobox"].contains(&&**role);
        assert!(!needs_name || !name.is_empty(), "a {role} without a name");
    }
    operator.click("//*[@id='slowest']//button").await;
    operator.sees("//dialog[@open]").await;
    assert!(operator.fits().await, "the dialog is wider than the phone");
    let tree = operator.accessibility().await;
    let has = |role: &str, name: &str| tree.iter().any(|it| it.0 == role && it.1.starts_with(name));
    assert!(
        has("dialog", "Close client") && has("combobox", "Code") && has("textbox", "Reason"),
        "{tree:?}"
    );
    assert_eq!(browser.errors().await, NO_ERRORS);
    slow.abort();
    browser.close().await.unwrap();
}
